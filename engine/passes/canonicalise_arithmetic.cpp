#include <algorithm>
#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {
namespace {

/// Subtract → Add with the constant negated, Divide → Multiply with the constant inverted; nullptr: not this node.
const OpDef* canonical_op(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || !graph.is_constant(node.inputs[1]) ||
      graph.value(node.inputs[1]).type.data_type != DataType::kF32 || !ops::broadcasts_like_numpy(node)) {
    return nullptr;
  }
  if (node.op->name == "Subtract") {
    return find_op("Add");
  }
  if (node.op->name == "Divide") {
    // A division by zero keeps its infinities as a division, and so do divisors whose inverse f32 cannot hold in full.
    const auto divisors = graph.constant(node.inputs[1])->data<float>();
    return std::ranges::all_of(divisors, [](float d) { return std::isnormal(d) && std::isnormal(1.0F / d); })
               ? find_op("Multiply")
               : nullptr;
  }
  return nullptr;
}

}  // namespace

bool canonicalise_arithmetic(Graph& graph) {
  bool changed = false;
  for (Node& node : graph.nodes) {
    const OpDef* target = canonical_op(graph, node);
    if (target == nullptr) {
      continue;
    }
    Tensor operand = graph.constant(node.inputs[1])->clone();
    const bool divide = node.op->name == "Divide";
    for (float& value : operand.data<float>()) {
      value = divide ? 1.0F / value : -value;
    }
    node.inputs[1] = graph.add_constant(graph.unique_value_name(node.name + "/operand"), std::move(operand));
    if (node.op->attributes.read != nullptr) {
      node.attributes = target->attributes.defaults();
    }
    node.op = target;
    changed = true;
  }
  return changed;
}

}  // namespace fovea
