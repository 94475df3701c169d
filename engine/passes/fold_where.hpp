// What the constant-folding passes share.
#pragma once

#include "engine/graph/graph.hpp"

namespace fovea {

/// Replaces every node that `worth` accepts, and that can be computed from constants, by its results.
/// \return true if something changed.
bool fold_where(Graph& graph, bool (*worth)(const Graph&, const Node&));

}  // namespace fovea
