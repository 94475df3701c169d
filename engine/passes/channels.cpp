#include "engine/passes/channels.hpp"

#include "engine/ops/op_def.hpp"

namespace fovea {

std::optional<std::vector<float>> per_channel(const Graph& graph, ValueId value, const Shape& shape) {
  const Tensor* constant = graph.constant(value);
  if (constant == nullptr || constant->data_type() != DataType::kF32 || shape.size() < 2 ||
      constant->shape().size() > shape.size()) {
    return std::nullopt;
  }
  const auto channels = static_cast<std::size_t>(shape[1]);
  const auto data = constant->data<float>();
  if (data.size() == 1) {
    return std::vector<float>(channels, data[0]);
  }
  // Every axis but the channel's has extent 1.
  const std::size_t lead = shape.size() - constant->shape().size();
  for (std::size_t i = 0; i < constant->shape().size(); ++i) {
    if (constant->shape()[i] != (lead + i == 1 ? shape[1] : 1)) {
      return std::nullopt;
    }
  }
  return data.size() == channels ? std::optional(std::vector<float>(data.begin(), data.end())) : std::nullopt;
}

bool is_convolution(const Node& node) { return node.op->name == "Convolution" || node.op->name == "GroupConvolution"; }

bool has_bias(const Graph& graph, const Node& node) {
  if (node.post_ops.empty() || node.post_ops[0].kind != PostOpKind::kAdd) {
    return false;
  }
  const ValueId operand = node.inputs[static_cast<std::size_t>(node.post_ops[0].operand)];
  return per_channel(graph, operand, graph.value(node.outputs[0]).type.shape).has_value();
}

}  // namespace fovea
