// Floating types of a whole graph.
#pragma once

#include "engine/graph/graph.hpp"

namespace fovea {

/// Floating types narrower than `target` (kF32 or kF64) become it: values, constants, attributes and bodies of loops.
/// Types are inferred anew.
/// \return true if something changed.
bool widen_graph(Graph& graph, DataType target);

}  // namespace fovea
