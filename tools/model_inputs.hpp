// What a command line gives a model to read: arrays, a picture, shapes for what the model leaves open.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/graph/model.hpp"

namespace CLI {
class App;
}

namespace fovea::tools {

struct InputOptions {
  std::vector<std::string> arrays;  ///< "NAME=FILE.npy", or "FILE.npy" for a model of one input.
  std::filesystem::path image;      ///< Fed as the model's description says.
  std::string shapes;               ///< "[1,3,224,224]" or "NAME[…],…".
};

/// Adds --input, --image and --input-shape.
void add_input_options(CLI::App& app, InputOptions& options);

/// Contents by index of the model's input, those that were given; pictures and what is fed with them are prepared.
using GivenInputs = std::map<std::size_t, Tensor>;

/// Gives the model the shapes asked for; extents that are open then take those of the array or picture given for them.
/// Arrays keep their element type; a missing leading 1 is added.
/// \throws Error{kNotFound, kInvalidArgument, kInvalidModel} naming file, input and what it takes.
GivenInputs prepare_inputs(Model& model, const InputOptions& options);

}  // namespace fovea::tools
