// Choosing, cutting and freezing the inputs and outputs of a model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea::tools {

/// The value a user means by `name`: a port's or its alias, a value's, a node's (its first output) or `node:1`.
/// \throws Error{kNotFound} suggesting the nearest name.
ValueId find_value(const Graph& graph, std::string_view name, std::string_view option);

/// `--input`: these become the inputs; what computed them goes. Each change is told in `changes`.
/// \throws Error{kInvalidArgument} when an input of the file that is not named is still needed, or values do not fit.
void choose_inputs(Graph& graph, std::string_view text, std::vector<std::string>& changes);

/// `--output`: these become the outputs. Inputs that only served others go.
void choose_outputs(Graph& graph, std::string_view text, std::vector<std::string>& changes);

}  // namespace fovea::tools
