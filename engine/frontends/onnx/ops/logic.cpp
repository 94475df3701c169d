// ONNX operators on bits and on special numbers.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

Values convert_bit_shift(NodeContext& node) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    node.invalid(fmt::format("has direction '{}', expected LEFT or RIGHT", direction));
  }
  return {node.add(direction == "LEFT" ? "BitwiseLeftShift" : "BitwiseRightShift", {node.input(0), node.input(1)})};
}

Values convert_bitwise(NodeContext& node) { return {node.add(node.op_type(), {node.input(0), node.input(1)})}; }

Values convert_bitwise_not(NodeContext& node) {
  const ValueId x = node.input(0);
  // All bits set, whatever the type: -1 wraps around in unsigned ones.
  const ValueId ones = node.constant(Tensor::scalar<std::int64_t>(-1).cast(node.data_type(x)));
  return {node.add("BitwiseXor", {x, ones})};
}

Values convert_is_inf(NodeContext& node) {
  return {node.add("IsInf", {node.input(0)},
                   {{"detect_negative", node.flag("detect_negative", true)},
                    {"detect_positive", node.flag("detect_positive", true)}})};
}

Values convert_is_nan(NodeContext& node) { return {node.add("IsNaN", {node.input(0)})}; }

}  // namespace fovea::onnx
