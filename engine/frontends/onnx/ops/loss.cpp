// ONNX losses, which some exports keep as outputs.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// −log probability at each target, weighted, and reduced as the attributes say.
/// \param log_probability  [N,C,…]
ValueId negative_log_likelihood(NodeContext& node, ValueId log_probability) {
  const DataType type = node.data_type(log_probability);
  ValueId target = node.convert(node.input(1), DataType::kI64);
  const bool ignores = node.has_attribute("ignore_index");
  ValueId ignored = kNone;
  if (ignores) {
    ignored = node.add("Equal", {target, node.integer_scalar(node.integer("ignore_index", 0))});
    target = node.add("Select", {ignored, node.integer_scalar(0), target});
  }
  const ValueId picked =
      node.add("GatherElements", {log_probability, node.unsqueeze(target, {1})}, {{"axis", std::int64_t{1}}});
  ValueId weight = node.has_input(2) ? node.add("Gather", {node.input(2), target, node.integer_scalar(0)})
                                     : node.add("Broadcast", {node.scalar(type, 1), node.add("ShapeOf", {target})});
  if (ignores) {
    weight = node.add("Select", {ignored, node.scalar(type, 0), weight});
  }
  const ValueId loss = node.add("Multiply", {node.add("Negative", {node.squeeze(picked, {1})}), weight});
  const std::string reduction = node.text("reduction", "mean");
  if (reduction == "none") {
    return loss;
  }
  const ValueId axes = node.integer_list(NodeContext::all_axes(node.rank(loss)));
  const ValueId sum = node.add("ReduceSum", {loss, axes});
  return reduction == "sum" ? sum : node.add("Divide", {sum, node.add("ReduceSum", {weight, axes})});
}

}  // namespace

Values convert_negative_log_likelihood_loss(NodeContext& node) {
  return {negative_log_likelihood(node, node.input(0))};
}

Values convert_softmax_cross_entropy_loss(NodeContext& node) {
  const ValueId log_probability = node.add("LogSoftmax", {node.input(0)}, {{"axis", std::int64_t{1}}});
  return {negative_log_likelihood(node, log_probability), log_probability};
}

}  // namespace fovea::onnx
