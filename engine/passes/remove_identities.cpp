#include <algorithm>
#include <array>
#include <string_view>

#include "engine/ops/op_def.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {
namespace {

/// Operators that do nothing but rename when input and output have the same type.
constexpr std::array<std::string_view, 7> kViews = {"Convert",   "Reshape", "Squeeze", "Unsqueeze",
                                                    "Broadcast", "Tile",    "Pad"};

bool is_identity(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNone || !node.post_ops.empty() || node.outputs.size() != 1 ||
      graph.value(node.inputs[0]).type != graph.value(node.outputs[0]).type) {
    return false;
  }
  if (node.op->name == "Concat") {
    return node.inputs.size() == 1;
  }
  if (node.op->name == "Transpose") {
    const Tensor* order = node.inputs.size() > 1 ? graph.constant(node.inputs[1]) : nullptr;
    return order != nullptr && order->size() > 0 && std::ranges::is_sorted(to_ints(order->view()));
  }
  // Two unknown extents need not be the same one; Convert cannot change them.
  return std::ranges::find(kViews, node.op->name) != kViews.end() &&
         (node.op->name == "Convert" || is_static(graph.value(node.outputs[0]).type.shape));
}

}  // namespace

bool remove_identities(Graph& graph) {
  bool changed = false;
  for (const Node& node : graph.nodes) {
    if (is_identity(graph, node)) {
      graph.replace_uses(node.outputs[0], node.inputs[0]);
      changed = true;
    }
  }
  return changed;
}

}  // namespace fovea
