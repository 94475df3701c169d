#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {
namespace {

/// Operators whose kernels apply post-ops where they compute. Others would only move the work, not save it.
constexpr std::array<std::string_view, 9> kHosts = {"Convolution",
                                                    "GroupConvolution",
                                                    "ConvolutionBackpropData",
                                                    "GroupConvolutionBackpropData",
                                                    "MatMul",
                                                    "Add",
                                                    "Multiply",
                                                    "Subtract",
                                                    "Divide"};

bool can_host(const Graph& graph, const Node& node) {
  return node.outputs.size() == 1 && graph.value(node.outputs[0]).type.data_type == DataType::kF32 &&
         (std::ranges::find(kHosts, node.op->name) != kHosts.end() || node.op->as_post_op != nullptr);
}

/// What a node would be as a post-op of the producer of `input`.
struct Candidate {
  ValueId input = kNone;
  PostOp op;
  ValueId operand = kNone;
};

/// PRelu slopes of shape [C] mean axis 1; as operands they follow numpy rules.
ValueId prelu_operand(Graph& graph, const Node& node) {
  const ValueId slope = node.inputs[1];
  const Shape& shape = graph.value(slope).type.shape;
  const std::size_t rank = graph.value(node.inputs[0]).type.shape.size();
  if (shape.size() != 1 || shape[0] == 1 || rank < 2) {
    return slope;
  }
  if (!graph.is_constant(slope)) {
    return kNone;
  }
  Shape aligned(rank, 1);
  aligned[1] = shape[0];
  return graph.add_constant(graph.unique_value_name(node.name + "/slope"), graph.constant(slope)->reshaped(aligned));
}

/// The slope of a PRelu that has the same one for all channels: a leaky ReLU, which devices know better.
std::optional<float> uniform_slope(const Graph& graph, const Node& node) {
  const Tensor* slope = node.op->name == "PRelu" ? graph.constant(node.inputs[1]) : nullptr;
  if (slope == nullptr || slope->data_type() != DataType::kF32 || slope->size() == 0) {
    return std::nullopt;
  }
  const auto values = slope->data<float>();
  const bool uniform = std::ranges::all_of(values, [&](float value) { return value == values[0]; });
  return uniform ? std::optional(values[0]) : std::nullopt;
}

std::vector<Candidate> candidates(Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || graph.value(node.outputs[0]).type.data_type != DataType::kF32) {
    return {};
  }
  if (node.op->as_post_op != nullptr && node.inputs.size() == 1) {
    if (const auto op = node.op->as_post_op(node)) {
      return {{node.inputs[0], *op, kNone}};
    }
    return {};
  }
  if (const auto slope = uniform_slope(graph, node)) {
    return {{node.inputs[0], {.kind = PostOpKind::kRelu, .alpha = *slope}, kNone}};
  }
  if (node.op->name == "PRelu") {
    const ValueId operand = prelu_operand(graph, node);
    return operand == kNone ? std::vector<Candidate>{}
                            : std::vector<Candidate>{{node.inputs[0], {.kind = PostOpKind::kPRelu}, operand}};
  }
  if ((node.op->name == "Add" || node.op->name == "Multiply") && ops::broadcasts_like_numpy(node)) {
    const PostOp op{.kind = node.op->name == "Add" ? PostOpKind::kAdd : PostOpKind::kMultiply};
    return {{node.inputs[0], op, node.inputs[1]}, {node.inputs[1], op, node.inputs[0]}};
  }
  return {};
}

/// Moves the producer of candidate.input into the consumer's place, with the consumer as its last post-op.
bool absorb(Graph& graph, NodeId consumer_id, const Candidate& candidate, const std::vector<int>& uses) {
  const NodeId producer_id = graph.value(candidate.input).producer;
  const Node& consumer = graph.node(consumer_id);
  if (producer_id == kNone || candidate.input == candidate.operand ||
      uses[static_cast<std::size_t>(candidate.input)] != 1 || !can_host(graph, graph.node(producer_id)) ||
      graph.value(candidate.input).type != graph.value(consumer.outputs[0]).type) {
    return false;
  }
  // Broadcasting that grows the producer's output would change what the producer computes; equal types exclude it.
  Node fused = std::move(graph.node(producer_id));
  graph.node(producer_id) = {};
  PostOp op = candidate.op;
  if (candidate.operand != kNone) {
    op.operand = static_cast<int>(fused.inputs.size());
    fused.inputs.push_back(candidate.operand);
  }
  fused.post_ops.push_back(op);
  fused.post_ops.insert(fused.post_ops.end(), consumer.post_ops.begin(), consumer.post_ops.end());
  fused.outputs = consumer.outputs;
  graph.value(candidate.input).producer = kNone;
  graph.node(consumer_id) = std::move(fused);
  return true;
}

}  // namespace

bool fuse_post_ops(Graph& graph) {
  bool changed = false;
  std::vector<bool> moved(graph.nodes.size(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::vector<int> uses = graph.use_counts();
    for (const Candidate& candidate : candidates(graph, graph.nodes[i])) {
      const NodeId producer = graph.value(candidate.input).producer;
      if (graph.nodes[i].post_ops.empty() && absorb(graph, static_cast<NodeId>(i), candidate, uses)) {
        moved[static_cast<std::size_t>(producer)] = true;
        changed = true;
        break;
      }
    }
  }
  graph.erase_nodes(moved);
  return changed;
}

}  // namespace fovea
