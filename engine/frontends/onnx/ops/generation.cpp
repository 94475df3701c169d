// ONNX operators that make values: constants, ranges, copies.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

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

Values convert_range(NodeContext& node) {
  return {node.add("Range", {node.input(0), node.input(1), node.input(2)},
                   {{"output_type", node.data_type(node.input(0))}})};
}

}  // namespace fovea::onnx
