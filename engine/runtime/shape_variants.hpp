// Models with open input shapes: one compiled variant for each combination of shapes that requests bring.
#pragma once

#include <memory>

#include "engine/runtime/plugin.hpp"

namespace fovea {

/// Compiles for the device; a graph with open input shapes later, when a request has shapes for all inputs. Of such
/// variants the SHAPE_CACHE_SIZE used last are kept (each holds its packed weights); executions keep the one they run.
/// \param plugin      Shared with what is returned.
/// \param properties  Complete.
/// \throws what Plugin::compile throws.
std::unique_ptr<Executable> compile_any_shapes(Graph graph, std::shared_ptr<const Plugin> plugin,
                                               const Properties& properties);

}  // namespace fovea
