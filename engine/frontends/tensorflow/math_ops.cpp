// Activations, arithmetic, reductions, matrix products.
// https://www.tensorflow.org/api_docs/python/tf/raw_ops

#include "engine/frontends/tensorflow/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tensorflow {
namespace {

using importer::Ints;
using importer::Ref;
using Refs = std::vector<Ref>;

/// Operators of ours under TensorFlow's names.
const std::map<std::string, std::string, std::less<>>& unary_names() {
  static const std::map<std::string, std::string, std::less<>> kNames = {
      {"Abs", "Abs"},      {"Ceil", "Ceiling"}, {"Cos", "Cos"},           {"Erf", "Erf"},
      {"Exp", "Exp"},      {"Floor", "Floor"},  {"Log", "Log"},           {"LogicalNot", "LogicalNot"},
      {"Neg", "Negative"}, {"Relu", "Relu"},    {"Round", "Round"},       {"Sigmoid", "Sigmoid"},
      {"Sign", "Sign"},    {"Sin", "Sin"},      {"Softplus", "SoftPlus"}, {"Softsign", "SoftSign"},
      {"Sqrt", "Sqrt"},    {"Tan", "Tan"},      {"Tanh", "Tanh"},
  };
  return kNames;
}

const std::map<std::string, std::string, std::less<>>& binary_names() {
  static const std::map<std::string, std::string, std::less<>> kNames = {
      {"Add", "Add"},
      {"AddV2", "Add"},
      {"Div", "Divide"},
      {"Equal", "Equal"},
      {"FloorMod", "FloorMod"},
      {"Greater", "Greater"},
      {"GreaterEqual", "GreaterEqual"},
      {"Less", "Less"},
      {"LessEqual", "LessEqual"},
      {"LogicalAnd", "LogicalAnd"},
      {"LogicalOr", "LogicalOr"},
      {"Maximum", "Maximum"},
      {"Minimum", "Minimum"},
      {"Mul", "Multiply"},
      {"NotEqual", "NotEqual"},
      {"Pow", "Power"},
      {"RealDiv", "Divide"},
      {"SquaredDifference", "SquaredDifference"},
      {"Sub", "Subtract"},
  };
  return kNames;
}

const std::map<std::string, std::string, std::less<>>& reduce_names() {
  static const std::map<std::string, std::string, std::less<>> kNames = {
      {"All", "ReduceLogicalAnd"}, {"Any", "ReduceLogicalOr"}, {"Max", "ReduceMax"}, {"Mean", "ReduceMean"},
      {"Min", "ReduceMin"},        {"Prod", "ReduceProd"},     {"Sum", "ReduceSum"},
  };
  return kNames;
}

Refs unary(const NodeContext& c) {
  return {c.nhwc().unary(unary_names().find(c.node().op())->second, c.name(), c.input(0))};
}

Refs binary(const NodeContext& c) {
  return {c.nhwc().binary(binary_names().find(c.node().op())->second, c.name(), c.input(0), c.input(1))};
}

Refs reduce(const NodeContext& c) {
  return {c.nhwc().reduce(reduce_names().find(c.node().op())->second, c.name(), c.input(0), c.ints(1, "axes"),
                          c.bool_attr("keep_dims", false))};
}

Refs relu6(const NodeContext& c) { return {c.nhwc().unary("Clamp", c.name(), c.input(0), {{"min", 0}, {"max", 6}})}; }

Refs elu(const NodeContext& c) { return {c.nhwc().unary("Elu", c.name(), c.input(0), {{"alpha", 1}})}; }

Refs selu(const NodeContext& c) {
  // The constants that make layers keep mean 0 and variance 1: Klambauer et al., Self-Normalizing Neural Networks.
  constexpr float kAlpha = 1.6732632423543772F;
  constexpr float kLambda = 1.0507009873554805F;
  const auto list = [&](float value) {
    return c.graph().constant(c.name() + "/constant", Tensor::of<float>({1}, {value}));
  };
  return {c.nhwc().with_scalars("Selu", c.name(), c.input(0), {list(kAlpha), list(kLambda)})};
}

Refs leaky_relu(const NodeContext& c) {
  const ValueId slope = c.graph().constant(c.name() + "/slope", Tensor::of<float>({1}, {c.float_attr("alpha", 0.2F)}));
  return {c.nhwc().with_scalars("PRelu", c.name(), c.input(0), {slope})};
}

Refs rsqrt(const NodeContext& c) {
  return {c.nhwc().with_scalars("Power", c.name(), c.input(0), {c.graph().scalar(-0.5F)})};
}

Refs reciprocal(const NodeContext& c) {
  return {c.nhwc().with_scalars("Power", c.name(), c.input(0), {c.graph().scalar(-1)})};
}

Refs square(const NodeContext& c) { return {c.nhwc().binary("Multiply", c.name(), c.input(0), c.input(0))}; }

Refs floor_div(const NodeContext& c) {
  const Ref quotient = c.nhwc().binary("Divide", c.name() + "/quotient", c.input(0), c.input(1));
  return {is_float(c.nhwc().data_type(quotient)) ? c.nhwc().unary("Floor", c.name(), quotient) : quotient};
}

Refs add_n(const NodeContext& c) {
  Ref sum = c.input(0);
  for (std::size_t i = 1; i < c.input_count(); ++i) {
    sum = c.nhwc().binary("Add", c.name(), sum, c.input(i));
  }
  return {sum};
}

Refs mat_mul(const NodeContext& c) {
  auto& n = c.nhwc();
  const bool batched = c.node().op().starts_with("Batch");
  return {n.from_plain(c.graph().add("MatMul", c.name(), {n.plain(c.input(0)), n.plain(c.input(1))},
                                     {{"transpose_a", c.bool_attr(batched ? "adj_x" : "transpose_a", false)},
                                      {"transpose_b", c.bool_attr(batched ? "adj_y" : "transpose_b", false)}}))};
}

Refs softmax(const NodeContext& c) { return {c.nhwc().softmax(c.name(), c.input(0), -1)}; }

Refs log_softmax(const NodeContext& c) { return {c.nhwc().softmax(c.name(), c.input(0), -1, true)}; }

Refs arg_extreme(const NodeContext& c) {
  return {c.nhwc().arg_extreme(c.name(), c.input(0), c.single_int(1, "axis"), c.node().op() == "ArgMax",
                               c.type_attr("output_type", DataType::kI64))};
}

Refs top_k(const NodeContext& c) {
  auto& n = c.nhwc();
  const auto top =
      c.graph().add_many("TopK", c.name(), {n.plain(c.input(0)), c.graph().int_scalar(c.single_int(1, "k"))}, 2,
                         {{"axis", -1}, {"mode", "max"}, {"sort", "value"}, {"stable", true}});
  return {n.from_plain(top[0]), n.from_plain(top[1])};
}

Refs clip_by_value(const NodeContext& c) {
  const Ref above = c.nhwc().binary("Maximum", c.name() + "/least", c.input(0), c.input(1));
  return {c.nhwc().binary("Minimum", c.name(), above, c.input(2))};
}

}  // namespace

void add_math_ops(Converters& converters) {
  for (const auto& [name, op] : unary_names()) {
    converters[name] = unary;
  }
  for (const auto& [name, op] : binary_names()) {
    converters[name] = binary;
  }
  for (const auto& [name, op] : reduce_names()) {
    converters[name] = reduce;
  }
  const Converters own = {
      {"AddN", add_n},
      {"ArgMax", arg_extreme},
      {"ArgMin", arg_extreme},
      {"BatchMatMul", mat_mul},
      {"BatchMatMulV2", mat_mul},
      {"ClipByValue", clip_by_value},
      {"Elu", elu},
      {"FloorDiv", floor_div},
      {"LeakyRelu", leaky_relu},
      {"LogSoftmax", log_softmax},
      {"MatMul", mat_mul},
      {"Reciprocal", reciprocal},
      {"Relu6", relu6},
      {"Rsqrt", rsqrt},
      {"Selu", selu},
      {"Softmax", softmax},
      {"Square", square},
      {"TopKV2", top_k},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tensorflow
