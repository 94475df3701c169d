// Models with variables (ReadValue, Assign): what they keep from run to run lives in each request.
#pragma once

#include <memory>

#include "engine/runtime/plugin.hpp"

namespace fovea {

/// Compiles a graph with or without variables. Devices see variables as further inputs and outputs behind the graph's
/// own; each Execution carries their contents from one run to the next. In an Execution's first run a variable has its
/// first value: ReadValue's input, or zeros. A run that fails leaves variables as they were.
/// \throws what Plugin::compile throws; Error{kInvalidModel} for variables that are read or written twice.
std::unique_ptr<Executable> compile_with_state(Graph graph, std::shared_ptr<const Plugin> plugin,
                                               const Properties& properties);

}  // namespace fovea
