// Preprocessing that becomes part of a model: layouts, channel order, mean and scale of its inputs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea::tools {

/// `--layout`: ports whose layout changes get a Transpose, and all named ones the layout's name.
void apply_layouts(Graph& graph, std::string_view text, std::vector<std::string>& changes);

/// The nodes that apply_channels added, by input, in the order data passes them.
struct AddedNode {
  std::string input;
  std::string name;
  std::string op;
  std::string what;  ///< "mean", "scale", "channel reversal".
};

/// `--reverse-input-channels`, `--mean-values`, `--scale-values`: x' = (reverse(x) − mean) / scale, so that mean and
/// scale count channels as the model did before. \throws Error{kInvalidArgument} for lists that do not fit the
/// channels, zeros in a scale, integer inputs, or when no
///         input has three channels to reverse.
std::vector<AddedNode> apply_channels(Graph& graph, std::string_view means, std::string_view scales, bool reverse,
                                      std::vector<std::string>& changes);

}  // namespace fovea::tools
