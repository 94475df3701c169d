#include "engine/ops/op_def.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/passes/fold_where.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {
namespace {

/// A folded result larger than this stays a node: expanding a small constant (Broadcast, Tile) into hundreds of
/// megabytes is worse than computing it.
constexpr std::size_t kMaxFoldedBytes = std::size_t{256} << 20U;

bool worth_folding(const Graph& graph, const Node& node) {
  std::size_t bytes = 0;
  for (const ValueId output : node.outputs) {
    const TensorType& type = graph.value(output).type;
    if (!is_static(type.shape)) {
      return false;
    }
    bytes += byte_size(type);
  }
  return bytes <= kMaxFoldedBytes;
}

/// A conversion to the type there is already, as widening leaves them behind weights stored as f16.
bool converts_nothing(const Graph& graph, const Node& node) {
  return node.op->name == "Convert" && node.post_ops.empty() && graph.is_constant(node.inputs[0]) &&
         graph.value(node.inputs[0]).type == graph.value(node.outputs[0]).type;
}

}  // namespace

bool fold_where(Graph& graph, bool (*worth)(const Graph&, const Node&)) {
  const std::function<const Tensor*(ValueId)> known = [&](ValueId id) { return graph.constant(id); };
  std::vector<bool> folded(graph.nodes.size(), false);
  bool changed = false;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!worth(graph, node)) {
      continue;
    }
    auto results = converts_nothing(graph, node) ? std::optional(std::vector{*graph.constant(node.inputs[0])})
                                                 : try_evaluate(graph, node, known);
    if (!results) {
      continue;
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      Value& value = graph.value(node.outputs[i]);
      value.constant = std::move((*results)[i]);
      value.producer = kNone;
    }
    folded[n] = true;
    changed = true;
  }
  graph.erase_nodes(folded);
  return changed;
}

bool fold_constants(Graph& graph) { return fold_where(graph, worth_folding); }

}  // namespace fovea
