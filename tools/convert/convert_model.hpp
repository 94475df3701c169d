// A model changed as `fovea convert` is asked to: cut, reshaped, preprocessed, simplified; and the account of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/model.hpp"

namespace fovea::tools {

/// Texts as given on the command line; empty: not given.
struct ConvertRequest {
  std::string input = {};         ///< `name[shape]{type}->value,…`
  std::string output = {};        ///< `name,name:1,…`
  std::string input_shape = {};   ///< `[1,3,224,224]` or `name[…],name[…]`
  std::int64_t batch = 0;         ///< 0: as it is.
  std::string layout = {};        ///< `nhwc->nchw` or `name(nhwc->nchw),…`
  std::string mean_values = {};   ///< `[123,117,104]` or `name[…],…`
  std::string scale_values = {};  ///< As mean_values.
  bool reverse_input_channels = false;
  bool simplify = true;  ///< Run portable_passes().
};

/// What one pass did.
struct PassReport {
  std::string pass;
  std::string effect;
  std::vector<std::string> gone;  ///< "name (Op)" of nodes that are no more.
  std::vector<std::string> came;  ///< "name (Op)" of new nodes.
};

struct ConvertReport {
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
  std::size_t weight_bytes_before = 0;
  std::vector<std::string> changes;  ///< What was asked for and done: inputs cut, frozen, reshaped, ….
  std::vector<PassReport> passes;    ///< Those that changed something.
  std::vector<std::string> kept;     ///< Preprocessing that remains as nodes, each with the reason.
};

/// Called before each step with its name; steps of large models take long.
using ConvertProgress = std::function<void(std::string_view step)>;

/// Changes the model in place. Order: outputs, inputs, shapes, batch, layouts, channel order, mean, scale, passes.
/// \throws Error{kInvalidArgument, kNotFound, kInvalidModel} naming option, entry and expectation; the model is then
///         half-changed.
ConvertReport convert_model(Model& model, const ConvertRequest& request, const ConvertProgress& progress);

/// Bytes of all constants.
std::size_t weight_bytes(const Graph& graph);

}  // namespace fovea::tools
