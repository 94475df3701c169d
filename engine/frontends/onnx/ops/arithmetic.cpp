// ONNX operators that work element by element: arithmetic, comparison, logic.
#include <map>

#include "engine/frontends/onnx/ops/common.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::onnx {
namespace {

/// ONNX name → ours, for operators with the same inputs and no attributes that matter.
const std::map<std::string_view, std::string_view>& same_operators() {
  static const std::map<std::string_view, std::string_view> kNames = {
      {"Abs", "Abs"},
      {"Acos", "Acos"},
      {"Acosh", "Acosh"},
      {"Add", "Add"},
      {"And", "LogicalAnd"},
      {"Asin", "Asin"},
      {"Asinh", "Asinh"},
      {"Atan", "Atan"},
      {"Atanh", "Atanh"},
      {"Ceil", "Ceiling"},
      {"Cos", "Cos"},
      {"Cosh", "Cosh"},
      {"Equal", "Equal"},
      {"Erf", "Erf"},
      {"Exp", "Exp"},
      {"Floor", "Floor"},
      {"Greater", "Greater"},
      {"Less", "Less"},
      {"LessOrEqual", "LessEqual"},
      {"Log", "Log"},
      {"Neg", "Negative"},
      {"Not", "LogicalNot"},
      {"Or", "LogicalOr"},
      {"Sigmoid", "Sigmoid"},
      {"Sign", "Sign"},
      {"Sin", "Sin"},
      {"Sinh", "Sinh"},
      {"Softplus", "SoftPlus"},
      {"Softsign", "SoftSign"},
      {"Sqrt", "Sqrt"},
      {"Sub", "Subtract"},
      {"Tan", "Tan"},
      {"Tanh", "Tanh"},
      {"Xor", "LogicalXor"},
      {"GreaterOrEqual", "GreaterEqual"},
      {"Mish", "Mish"},
  };
  return kNames;
}

/// a op b op c …
ValueId fold(NodeContext& node, std::string_view op) {
  ValueId result = node.input(0);
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    result = node.add(op, {result, node.input(i)});
  }
  return result;
}

}  // namespace

Values convert_same(NodeContext& node) { return {node.add(same_operators().at(node.op_type()), node.inputs())}; }

Values convert_mul(NodeContext& node) {
  // Exporters write x·sigmoid(x) for operators that ONNX did not have; seen as one they fuse into the convolution
  // before.
  for (const auto& [x, gate] : {std::pair{node.input(0), node.input(1)}, std::pair{node.input(1), node.input(0)}}) {
    const Node* producer = node.producer(gate);
    if (producer != nullptr && producer->op->name == "Sigmoid" && producer->inputs[0] == x) {
      return {node.add("Swish", {x})};
    }
    if (producer != nullptr && producer->op->name == "HSigmoid" && producer->inputs[0] == x) {
      return {node.add("HSwish", {x})};
    }
  }
  return {node.add("Multiply", {node.input(0), node.input(1)})};
}

Values convert_div(NodeContext& node) {
  // Integers round toward zero, as in C.
  return {node.add("Divide", {node.input(0), node.input(1)}, {{"m_pythondiv", false}})};
}

Values convert_mod(NodeContext& node) {
  return {node.add(node.flag("fmod", false) ? "Mod" : "FloorMod", {node.input(0), node.input(1)})};
}

Values convert_pow(NodeContext& node) {
  const ValueId base = node.input(0);
  const ValueId exponent = node.input(1);
  const DataType type = node.data_type(base);
  if (!is_float(type) && is_float(node.data_type(exponent))) {
    const ValueId result = node.add("Power", {node.convert(base, node.data_type(exponent)), exponent});
    return {node.convert(result, type)};
  }
  return {node.add("Power", {base, node.convert(exponent, type)})};
}

Values convert_reciprocal(NodeContext& node) {
  const ValueId x = node.input(0);
  return {node.add("Divide", {node.scalar(node.data_type(x), 1), x})};
}

Values convert_round(NodeContext& node) { return {node.add("Round", {node.input(0)}, {{"mode", "half_to_even"}})}; }

Values convert_max(NodeContext& node) { return {fold(node, "Maximum")}; }
Values convert_min(NodeContext& node) { return {fold(node, "Minimum")}; }
Values convert_sum(NodeContext& node) { return {fold(node, "Add")}; }

Values convert_mean(NodeContext& node) {
  return {multiply(node, fold(node, "Add"), 1.0 / static_cast<double>(node.input_count()))};
}

Values convert_where(NodeContext& node) { return {node.add("Select", {node.input(0), node.input(1), node.input(2)})}; }

}  // namespace fovea::onnx
