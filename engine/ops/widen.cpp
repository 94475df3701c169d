#include "engine/ops/widen.hpp"

#include "engine/ops/op_def.hpp"
#include "engine/ops/shape_inference.hpp"

namespace fovea {

bool widen_graph(Graph& graph, DataType target) {
  const auto narrow = [&](DataType type) { return is_float(type) && size_of(type) < size_of(target); };
  bool changed = false;
  for (Value& value : graph.values) {
    if (!narrow(value.type.data_type)) {
      continue;
    }
    changed = true;
    value.type.data_type = target;
    if (value.constant) {
      value.constant = value.constant->cast(target);
    }
  }
  for (Node& node : graph.nodes) {
    changed |= node.op->widen_attributes != nullptr && node.op->widen_attributes(node, target);
  }
  if (changed) {
    infer_shapes(graph);
  }
  return changed;
}

}  // namespace fovea
