// ONNX operators on shapes and element types.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

Values convert_cast(NodeContext& node) { return {node.convert(node.input(0), node.attribute_type("to"))}; }

Values convert_cast_like(NodeContext& node) { return {node.convert(node.input(0), node.data_type(node.input(1)))}; }

Values convert_reshape(NodeContext& node) {
  return {node.add("Reshape", {node.input(0), node.input(1)}, {{"special_zero", !node.flag("allowzero", false)}})};
}

Values convert_flatten(NodeContext& node) {
  const ValueId x = node.input(0);
  const auto rank = static_cast<std::int64_t>(node.rank(x));
  const std::int64_t given = node.integer("axis", 1);
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis > rank) {
    node.invalid(fmt::format("axis is {}, expected -{} to {}", given, rank, rank));
  }
  return {flatten_to_matrix(node, x, static_cast<std::size_t>(axis))};
}

Values convert_shape(NodeContext& node) {
  const ValueId x = node.input(0);
  const ValueId extents = node.add("ShapeOf", {x}, {{"output_type", DataType::kI64}});
  const auto rank = static_cast<std::int64_t>(node.rank(x));
  const std::int64_t start = node.integer("start", 0);
  const std::int64_t end = node.integer("end", rank);
  if (start == 0 && end == rank) {
    return {extents};
  }
  return {node.add("Slice", {extents, node.integer_list({start}), node.integer_list({end}), node.integer_list({1}),
                             node.integer_list({0})})};
}

Values convert_size(NodeContext& node) {
  const ValueId extents = node.add("ShapeOf", {node.input(0)}, {{"output_type", DataType::kI64}});
  return {node.add("ReduceProd", {extents, node.integer_list({0})}, {{"keep_dims", false}})};
}

Values convert_squeeze(NodeContext& node) {
  const ValueId x = node.input(0);
  if (const auto axes = read_axes(node, 1, node.rank(x))) {
    return {node.squeeze(x, *axes)};
  }
  return {node.add("Squeeze", {x})};
}

Values convert_unsqueeze(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::size_t count =
      node.has_attribute("axes") ? node.integers("axes").size() : node.constant_integers(1, "axes").size();
  return {node.unsqueeze(x, read_axes(node, 1, node.rank(x) + count).value())};
}

}  // namespace fovea::onnx
