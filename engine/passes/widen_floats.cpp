#include "engine/ops/widen.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {

bool widen_floats(Graph& graph) { return widen_graph(graph, DataType::kF32); }

bool widen_floats_to(Graph& graph, DataType target) { return widen_graph(graph, target); }

}  // namespace fovea
