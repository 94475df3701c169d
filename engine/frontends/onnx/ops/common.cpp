#include "engine/frontends/onnx/ops/common.hpp"

#include <algorithm>

namespace fovea::onnx {

std::optional<std::vector<std::int64_t>> read_axes(const NodeContext& node, std::size_t input, std::size_t rank) {
  std::vector<std::int64_t> axes;
  if (node.has_attribute("axes")) {
    axes = node.integers("axes");
  } else if (node.has_input(input)) {
    axes = node.constant_integers(input, "axes");
  } else {
    return std::nullopt;
  }
  for (std::int64_t& axis : axes) {
    axis = node.normal_axis(axis, rank);
  }
  return axes;
}

ValueId flatten_to_matrix(NodeContext& node, ValueId value, std::size_t axis) {
  const Shape& shape = node.shape(value);
  const auto product = [&](std::size_t begin, std::size_t end) {
    std::int64_t count = 1;
    for (std::size_t i = begin; i < end; ++i) {
      count = shape[i] == kDynamic || count == kDynamic ? kDynamic : count * shape[i];
    }
    return count;
  };
  if (shape.size() == 2 && axis == 1) {
    return value;
  }
  const std::int64_t columns = product(axis, shape.size());
  const std::int64_t rows = product(0, axis);
  if (rows != kDynamic && columns != kDynamic) {
    return node.reshape(value, {rows, columns});
  }
  if (axis == 1) {
    return node.reshape(value, {0, -1});  // 0 copies the extent
  }
  if (rows == kDynamic && columns == kDynamic) {
    node.unsupported(fmt::format("flattens {}, whose extents are not known", to_string(shape)));
  }
  return node.reshape(value, rows == kDynamic ? Shape{-1, columns} : Shape{rows, -1});
}

ValueId multiply(NodeContext& node, ValueId x, double factor) {
  return factor == 1 ? x : node.add("Multiply", {x, node.scalar(node.data_type(x), factor)});
}

ValueId add_number(NodeContext& node, ValueId x, double summand) {
  return summand == 0 ? x : node.add("Add", {x, node.scalar(node.data_type(x), summand)});
}

}  // namespace fovea::onnx
