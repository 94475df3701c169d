#include "engine/ops/op_def.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {

bool widen_floats(Graph& graph) {
  const auto narrow = [](DataType type) { return type == DataType::kF16 || type == DataType::kBF16; };
  bool changed = false;
  for (Value& value : graph.values) {
    if (!narrow(value.type.data_type)) {
      continue;
    }
    changed = true;
    value.type.data_type = DataType::kF32;
    if (value.constant) {
      value.constant = value.constant->cast(DataType::kF32);
    }
  }
  for (Node& node : graph.nodes) {
    changed |= node.op->widen_attributes != nullptr && node.op->widen_attributes(node);
  }
  if (changed) {
    infer_shapes(graph);
  }
  return changed;
}

}  // namespace fovea
