// ONNX operators that make values: constants, ranges, copies, random numbers.
//
// ONNX leaves open how random numbers are made. Here a seed decides them: equal seeds give equal numbers in every run.
// Nodes without one give other numbers in each run.
#include <bit>
#include <numbers>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// Numbers from [0, 1). \param draw  Tells several draws of a node apart.
ValueId uniform(NodeContext& node, ValueId shape, DataType type, std::int64_t draw = 1) {
  const auto seed = static_cast<float>(node.real("seed", 0));
  const bool seeded = node.has_attribute("seed");
  return node.add("RandomUniform", {shape, node.scalar(type, 0), node.scalar(type, 1)},
                  {{"output_type", type},
                   {"global_seed", seeded ? static_cast<std::int64_t>(std::bit_cast<std::uint32_t>(seed)) : 0},
                   {"op_seed", seeded ? draw : 0}});
}

/// Numbers around 0 with deviation 1, from two even ones each (Box and Muller).
ValueId normal(NodeContext& node, ValueId shape) {
  constexpr DataType kType = DataType::kF32;
  const ValueId positive = add_number(node, multiply(node, uniform(node, shape, kType, 1), -1), 1);  // (0, 1]
  const ValueId radius = node.add("Sqrt", {multiply(node, node.add("Log", {positive}), -2)});
  const ValueId turn = multiply(node, uniform(node, shape, kType, 2), 2 * std::numbers::pi);
  return node.add("Multiply", {radius, node.add("Cos", {turn})});
}

/// The attribute dtype, or that of the input, or f32.
DataType random_type(const NodeContext& node) {
  const DataType type = node.has_attribute("dtype") ? node.attribute_type("dtype")
                        : node.has_input(0)         ? node.data_type(node.input(0))
                                                    : DataType::kF32;
  if (!is_float(type)) {
    node.unsupported(fmt::format("makes random numbers of type {}", to_string(type)));
  }
  return type;
}

/// The attribute shape, or that of the input.
ValueId random_shape(NodeContext& node) {
  return node.has_input(0) ? node.add("ShapeOf", {node.input(0)}, {{"output_type", "i64"}})
                           : node.integer_list(node.integers("shape"));
}

}  // namespace

Values convert_constant(NodeContext& node) {
  if (node.has_attribute("value") || node.has_attribute("sparse_value")) {
    return {node.constant(node.tensor(node.has_attribute("value") ? "value" : "sparse_value"))};
  }
  if (node.has_attribute("value_float")) {
    return {node.constant(Tensor::scalar<float>(static_cast<float>(node.real("value_float", 0))))};
  }
  if (node.has_attribute("value_int")) {
    return {node.integer_scalar(node.integer("value_int", 0))};
  }
  if (node.has_attribute("value_ints")) {
    return {node.integer_list(node.integers("value_ints"))};
  }
  if (node.has_attribute("value_floats")) {
    const std::vector<double> values = node.reals("value_floats");
    return {node.constant(Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values).cast(DataType::kF32))};
  }
  node.unsupported("has no numeric value");
}

Values convert_constant_of_shape(NodeContext& node) {
  const Tensor value = node.has_attribute("value") ? node.tensor("value") : Tensor::scalar<float>(0);
  if (value.size() != 1) {
    node.invalid(fmt::format("has a value of {}, expected a single one", to_string(value.type())));
  }
  return {node.add("Broadcast", {node.constant(value.reshaped({})), node.input(0)})};
}

Values convert_identity(NodeContext& node) { return {node.input(0)}; }

Values convert_dropout(NodeContext& node) {
  const ValueId x = node.input(0);
  if (const auto training = node.known_integers(2);
      node.has_input(2) && (!training || training->size() != 1 || training->front() != 0)) {
    node.unsupported("drops values at random: training mode is on; export the model for inference");
  }
  if (!node.wants_output(1)) {
    return {x};
  }
  if (!is_static(node.shape(x))) {
    node.unsupported("has a mask output, which needs known extents");
  }
  const ValueId mask =
      node.add("Broadcast", {node.constant(Tensor::scalar<bool>(true)), node.integer_list(node.shape(x))});
  return {x, mask};
}

Values convert_random_uniform(NodeContext& node) {
  const double low = node.real("low", 0);
  const DataType type = random_type(node);
  return {add_number(node, multiply(node, uniform(node, random_shape(node), type), node.real("high", 1) - low), low)};
}

Values convert_random_normal(NodeContext& node) {
  const DataType type = random_type(node);
  const ValueId scaled = multiply(node, normal(node, random_shape(node)), node.real("scale", 1));
  return {node.convert(add_number(node, scaled, node.real("mean", 0)), type)};
}

Values convert_bernoulli(NodeContext& node) {
  const ValueId chance = node.input(0);
  const DataType drawn = node.data_type(chance);
  if (!is_float(drawn)) {
    node.invalid(fmt::format("has probabilities of type {}", to_string(drawn)));
  }
  const DataType type = node.has_attribute("dtype") ? node.attribute_type("dtype") : drawn;
  return {node.convert(node.add("Less", {uniform(node, random_shape(node), drawn), chance}), type)};
}

Values convert_range(NodeContext& node) {
  return {node.add("Range", {node.input(0), node.input(1), node.input(2)},
                   {{"output_type", node.data_type(node.input(0))}})};
}

}  // namespace fovea::onnx
