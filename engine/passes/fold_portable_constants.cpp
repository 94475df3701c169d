// Constant folding for files: only what makes the graph simpler without making it larger or less adaptable.
#include <algorithm>

#include "engine/ops/op_def.hpp"
#include "engine/passes/fold_where.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

/// Results up to this size may be larger than their inputs: shapes, anchors, tables.
constexpr std::size_t kSmallBytes = std::size_t{64} << 10U;

bool is_known(const Graph& graph, const Node& node) {
  return !node.inputs.empty() &&
         std::ranges::all_of(node.inputs, [&](ValueId input) { return input == kNone || graph.is_constant(input); });
}

bool is_dequantisation(const Graph& graph, const Node& node) {
  return node.op->name == "FakeQuantize" ||
         (node.op->name == "Convert" && is_float(graph.value(node.outputs[0]).type.data_type) &&
          size_of(graph.value(node.inputs[0]).type.data_type) == 1);
}

bool grows_too_much(const Graph& graph, const Node& node) {
  std::size_t before = 0;
  for (const ValueId input : node.inputs) {
    before += input == kNone ? 0 : byte_size(graph.value(input).type);
  }
  std::size_t after = 0;
  for (const ValueId output : node.outputs) {
    if (!is_static(graph.value(output).type.shape)) {
      return true;
    }
    after += byte_size(graph.value(output).type);
  }
  return after > std::max(before, kSmallBytes);
}

}  // namespace

bool fold_portable_constants(Graph& graph) {
  return fold_where(graph, [](const Graph& whole, const Node& node) {
    return is_known(whole, node) && !is_dequantisation(whole, node) && !grows_too_much(whole, node);
  });
}

}  // namespace fovea
