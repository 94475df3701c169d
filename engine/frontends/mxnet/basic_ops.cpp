// Arithmetic, movement of data, reductions.

#include <algorithm>
#include <numeric>

#include "engine/frontends/mxnet/converters.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::mxnet {
namespace {

using importer::Ints;
using Values = std::vector<ValueId>;
using Names = std::map<std::string, std::string, std::less<>>;

const Names& unary_names() {
  static const Names kNames = {
      {"abs", "Abs"},         {"ceil", "Ceiling"},      {"cos", "Cos"},
      {"erf", "Erf"},         {"exp", "Exp"},           {"floor", "Floor"},
      {"log", "Log"},         {"negative", "Negative"}, {"relu", "Relu"},
      {"sigmoid", "Sigmoid"}, {"sin", "Sin"},           {"softsign", "SoftSign"},
      {"sqrt", "Sqrt"},       {"tanh", "Tanh"},         {"LogisticRegressionOutput", "Sigmoid"}};
  return kNames;
}

const Names& binary_names() {
  static const Names kNames = {
      {"_Plus", "Add"},
      {"_plus", "Add"},
      {"elemwise_add", "Add"},
      {"broadcast_add", "Add"},
      {"broadcast_plus", "Add"},
      {"_Minus", "Subtract"},
      {"_minus", "Subtract"},
      {"elemwise_sub", "Subtract"},
      {"broadcast_sub", "Subtract"},
      {"broadcast_minus", "Subtract"},
      {"_Mul", "Multiply"},
      {"_mul", "Multiply"},
      {"elemwise_mul", "Multiply"},
      {"broadcast_mul", "Multiply"},
      {"_Div", "Divide"},
      {"_div", "Divide"},
      {"elemwise_div", "Divide"},
      {"broadcast_div", "Divide"},
      {"broadcast_maximum", "Maximum"},
      {"_maximum", "Maximum"},
      {"broadcast_minimum", "Minimum"},
      {"_minimum", "Minimum"},
      {"broadcast_power", "Power"},
  };
  return kNames;
}

/// With a number in the attribute "scalar"; "r" in front: the number comes first.
const Names& scalar_names() {
  static const Names kNames = {
      {"_plus_scalar", "Add"},       {"_PlusScalar", "Add"},          {"_minus_scalar", "Subtract"},
      {"_MinusScalar", "Subtract"},  {"_rminus_scalar", "rSubtract"}, {"_RMinusScalar", "rSubtract"},
      {"_mul_scalar", "Multiply"},   {"_MulScalar", "Multiply"},      {"_div_scalar", "Divide"},
      {"_DivScalar", "Divide"},      {"_rdiv_scalar", "rDivide"},     {"_RDivScalar", "rDivide"},
      {"_power_scalar", "Power"},    {"_PowerScalar", "Power"},       {"_maximum_scalar", "Maximum"},
      {"_MaximumScalar", "Maximum"}, {"_minimum_scalar", "Minimum"},  {"_MinimumScalar", "Minimum"},
  };
  return kNames;
}

const Names& reduce_names() {
  static const Names kNames = {
      {"max", "ReduceMax"}, {"mean", "ReduceMean"}, {"min", "ReduceMin"}, {"prod", "ReduceProd"}, {"sum", "ReduceSum"}};
  return kNames;
}

Values unary(const NodeContext& c) {
  return {c.graph.add(unary_names().find(c.node.op)->second, c.name(), {c.input(0)})};
}

Values binary(const NodeContext& c) {
  return {c.graph.add(binary_names().find(c.node.op)->second, c.name(), {c.input(0), c.input(1)})};
}

Values scalar(const NodeContext& c) {
  std::string_view op = scalar_names().find(c.node.op)->second;
  const ValueId number = c.graph.scalar(static_cast<float>(c.number("scalar", 0)));
  if (op.front() == 'r') {
    return {c.graph.add(op.substr(1), c.name(), {number, c.input(0)})};
  }
  return {c.graph.add(op, c.name(), {c.input(0), number})};
}

/// Without axes: all of them.
Values reduce(const NodeContext& c) {
  if (c.flag("exclude", false)) {
    fail(ErrorCode::kUnsupported, "exclude is not supported");
  }
  Ints axes = c.list("axis");
  if (axes.empty()) {
    axes.resize(c.shape().size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  return {c.graph.add(reduce_names().find(c.node.op)->second, c.name(), {c.input(0), c.graph.ints(axes)},
                      {{"keep_dims", c.flag("keepdims", false)}})};
}

Values identity(const NodeContext& c) { return {c.input(0)}; }

Values square(const NodeContext& c) { return {c.graph.add("Multiply", c.name(), {c.input(0), c.input(0)})}; }

Values add_n(const NodeContext& c) {
  ValueId sum = c.input(0);
  for (std::size_t i = 1; i < c.inputs.size(); ++i) {
    sum = c.graph.add("Add", c.name(), {sum, c.input(i)});
  }
  return {sum};
}

Values concat(const NodeContext& c) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    static_cast<void>(c.input(i));  // checks
  }
  return {c.graph.add("Concat", c.name(), c.inputs, {{"axis", c.axis("dim", 1)}})};
}

Values flatten(const NodeContext& c) { return {c.graph.reshape(c.name(), c.input(0), {0, -1})}; }

/// 0 copies an extent, −1 takes what is left; the other codes (−2 to −4) are rare.
Values reshape(const NodeContext& c) {
  const Ints pattern = c.list("shape");
  if (pattern.empty() || c.flag("reverse", false) ||
      std::ranges::any_of(pattern, [](std::int64_t extent) { return extent < -1; })) {
    fail(ErrorCode::kUnsupported, "the shape '{}' is not supported, only extents, 0 and -1 are", c.text("shape", ""));
  }
  return {c.graph.reshape(c.name(), c.input(0), pattern)};
}

Values transpose(const NodeContext& c) {
  Ints order = c.list("axes");
  if (order.empty()) {
    order.resize(c.shape().size());
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return {c.graph.transpose(c.name(), c.input(0), order)};
}

Values swap_axis(const NodeContext& c) {
  Ints order(c.shape().size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order.at(c.axis("dim1", 0)), order.at(c.axis("dim2", 0)));
  return {c.graph.transpose(c.name(), c.input(0), order)};
}

Values expand_dims(const NodeContext& c) {
  return {c.graph.add("Unsqueeze", c.name(), {c.input(0), c.graph.ints({c.integer("axis", 0)})})};
}

Values squeeze(const NodeContext& c) {
  const Ints axes = c.list("axis");
  return {axes.empty() ? c.graph.add("Squeeze", c.name(), {c.input(0)})
                       : c.graph.add("Squeeze", c.name(), {c.input(0), c.graph.ints(axes)})};
}

Values slice_axis(const NodeContext& c) {
  const std::string end = c.text("end", "None");
  return {c.graph.slice(c.name(), c.input(0), static_cast<std::int64_t>(c.axis("axis", 0)), c.integer("begin", 0),
                        end == "None" ? ops::kMaxAttribute : c.integer("end", 0))};
}

Values slice_channel(const NodeContext& c) {
  constexpr std::int64_t kMostParts = 4096;  // far above any real split
  const std::int64_t count = c.integer("num_outputs", 1);
  ops::check_range(count, 1, kMostParts, "num_outputs");
  const auto axis = static_cast<std::int64_t>(c.axis("axis", 1));
  Values parts = c.graph.add_many("Split", c.name(), {c.input(0), c.graph.int_scalar(axis)},
                                  static_cast<std::size_t>(count), {{"num_splits", count}});
  if (c.flag("squeeze_axis", false)) {
    for (ValueId& part : parts) {
      part = c.graph.add("Squeeze", c.name() + "/squeeze", {part, c.graph.ints({axis})});
    }
  }
  return parts;
}

/// pad_width: before and after each axis.
Values pad(const NodeContext& c) {
  const Ints widths = c.list("pad_width");
  Ints begin, end;
  for (std::size_t i = 0; i + 1 < widths.size(); i += 2) {
    begin.push_back(widths[i]);
    end.push_back(widths[i + 1]);
  }
  constexpr int kFirst = 1;
  return {c.graph.add("Pad", c.name(),
                      {c.input(0), c.graph.ints(begin), c.graph.ints(end),
                       c.graph.scalar(static_cast<float>(c.number("constant_value", 0)))},
                      {{"pad_mode", c.text("mode", "constant")}}, kFirst)};
}

Values dot(const NodeContext& c) {
  if (c.shape(0).size() != 2 || c.shape(1).size() != 2) {
    fail(ErrorCode::kUnsupported, "a product of {} and {}", to_string(c.shape(0)), to_string(c.shape(1)));
  }
  return {c.graph.add("MatMul", c.name(), {c.input(0), c.input(1)},
                      {{"transpose_a", c.flag("transpose_a", false)}, {"transpose_b", c.flag("transpose_b", false)}})};
}

Values cast(const NodeContext& c) {
  static const std::map<std::string, DataType, std::less<>> kTypes = {
      {"float32", DataType::kF32}, {"float16", DataType::kF16}, {"float64", DataType::kF64}, {"int32", DataType::kI32},
      {"int64", DataType::kI64},   {"int8", DataType::kI8},     {"uint8", DataType::kU8}};
  const auto found = kTypes.find(c.text("dtype", ""));
  if (found == kTypes.end()) {
    fail(ErrorCode::kUnsupported, "dtype '{}'", c.text("dtype", ""));
  }
  return {c.graph.convert(c.name(), c.input(0), found->second)};
}

}  // namespace

void add_basic_ops(Converters& converters) {
  for (const auto& [name, op] : unary_names()) {
    converters[name] = unary;
  }
  for (const auto& [name, op] : binary_names()) {
    converters[name] = binary;
  }
  for (const auto& [name, op] : scalar_names()) {
    converters[name] = scalar;
  }
  for (const auto& [name, op] : reduce_names()) {
    converters[name] = reduce;
  }
  const Converters own = {
      {"BlockGrad", identity},
      {"Cast", cast},
      {"Concat", concat},
      {"Dropout", identity},
      {"ElementWiseSum", add_n},
      {"Flatten", flatten},
      {"LinearRegressionOutput", identity},
      {"MakeLoss", identity},
      {"Pad", pad},
      {"Reshape", reshape},
      {"SliceChannel", slice_channel},
      {"SwapAxis", swap_axis},
      {"_copy", identity},
      {"add_n", add_n},
      {"concat", concat},
      {"dot", dot},
      {"expand_dims", expand_dims},
      {"flatten", flatten},
      {"identity", identity},
      {"pad", pad},
      {"reshape", reshape},
      {"slice_axis", slice_axis},
      {"split", slice_channel},
      {"square", square},
      {"squeeze", squeeze},
      {"transpose", transpose},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::mxnet
