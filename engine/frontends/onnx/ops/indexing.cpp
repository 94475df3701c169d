// ONNX operators that pick, place or order elements by index.
#include <algorithm>
#include <cstring>

#include "engine/base/text.hpp"
#include "engine/frontends/onnx/ops/common.hpp"
#include "engine/frontends/onnx/ops/windows.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::onnx {
namespace {

/// "add" → "sum", …: ONNX's names of how an update meets what is there.
std::string combination(const NodeContext& node) {
  const std::string reduction = node.text("reduction", "none");
  return reduction == "add" ? "sum" : reduction == "mul" ? "prod" : reduction;
}

/// True where `rows − columns` is at least (lower: at most) what `k` says; for Trilu.
Tensor triangle(std::int64_t rows, std::int64_t columns, std::int64_t k, bool upper) {
  Tensor mask(DataType::kBool, {rows, columns});
  const std::span<bool> data = mask.data<bool>();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const std::int64_t distance = column - row;
      data[static_cast<std::size_t>(row * columns + column)] = upper ? distance >= k : distance <= k;
    }
  }
  return mask;
}

constexpr std::int64_t kMaxMask = 1 << 22;  // elements of a mask or matrix that is written out at import

}  // namespace

Values convert_gather_elements(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::int64_t axis = node.normal_axis(node.integer("axis", 0), node.rank(x));
  return {node.add("GatherElements", {x, node.input(1)}, {{"axis", axis}})};
}

Values convert_gather_nd(NodeContext& node) {
  return {node.add("GatherND", {node.input(0), node.input(1)}, {{"batch_dims", node.integer("batch_dims", 0)}})};
}

Values convert_scatter_elements(NodeContext& node) {
  return {node.add("ScatterElementsUpdate",
                   {node.input(0), node.input(1), node.input(2), node.integer_scalar(node.integer("axis", 0))},
                   {{"reduction", combination(node)}})};
}

Values convert_scatter_nd(NodeContext& node) {
  return {
      node.add("ScatterNDUpdate", {node.input(0), node.input(1), node.input(2)}, {{"reduction", combination(node)}})};
}

Values convert_one_hot(NodeContext& node) {
  const std::int64_t depth = node.constant_integer(1, "depth");
  const ValueId values = node.input(2);
  // Negative indices count from the end; ours would be off everywhere.
  ValueId indices = node.convert(node.input(0), DataType::kI64);
  const ValueId limit = node.integer_scalar(depth);
  const ValueId negative = node.add("Less", {indices, node.integer_scalar(0)});
  indices = node.add("Select", {negative, node.add("Add", {indices, limit}), indices});
  const auto pick = [&](std::int64_t i) {
    return node.add("Gather", {values, node.integer_scalar(i), node.integer_scalar(0)});
  };
  return {node.add("OneHot", {indices, limit, pick(1), pick(0)}, {{"axis", node.integer("axis", -1)}})};
}

Values convert_top_k(NodeContext& node) {
  const ValueId x = node.input(0);
  const bool known = node.opset() < 10 || node.known_integers(1).has_value();
  const ValueId k = known
                        ? node.integer_scalar(node.opset() < 10 ? node.integer("k", 1) : node.constant_integer(1, "K"))
                        : node.reshape(node.input(1), {});
  return node.add_node("TopK", {x, k},
                       {{"axis", node.integer("axis", -1)},
                        {"mode", node.flag("largest", true) ? "max" : "min"},
                        {"sort", node.flag("sorted", true) ? "value" : "none"},
                        {"index_element_type", DataType::kI64}},
                       {.outputs = 2});
}

Values convert_cum_sum(NodeContext& node) {
  return {node.add("CumSum", {node.input(0), node.reshape(node.input(1), {})},
                   {{"exclusive", node.flag("exclusive", false)}, {"reverse", node.flag("reverse", false)}})};
}

Values convert_non_zero(NodeContext& node) {
  return {node.add("NonZero", {node.input(0)}, {{"output_type", DataType::kI64}})};
}

Values convert_compress(NodeContext& node) {
  const std::vector<std::int64_t> condition = node.constant_integers(1, "condition");
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] != 0) {
      places.push_back(static_cast<std::int64_t>(i));
    }
  }
  const bool flat = !node.has_attribute("axis");
  const ValueId x = flat ? node.reshape(node.input(0), {-1}) : node.input(0);
  const std::int64_t axis = node.normal_axis(node.integer("axis", 0), node.rank(x));
  return {node.add("Gather", {x, node.integer_list(places), node.integer_scalar(axis)})};
}

Values convert_eye_like(NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape& shape = node.shape(x);
  if (shape.size() != 2 || !is_static(shape) || shape[0] > kMaxMask || shape[0] * shape[1] > kMaxMask) {
    node.unsupported(fmt::format("has an input of {}, expected a matrix of known extents", to_string(shape)));
  }
  DataType type = node.data_type(x);
  if (node.has_attribute("dtype")) {
    type = node.attribute_type("dtype");
  }
  const std::int64_t k = node.integer("k", 0);
  std::vector<double> values(element_count(shape), 0.0);
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    if (k >= -row && k < shape[1] - row) {
      values[static_cast<std::size_t>(row * shape[1] + row + k)] = 1;
    }
  }
  return {node.constant(Tensor::of<double>(shape, values).cast(type))};
}

Values convert_trilu(NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape shape = node.shape(x);
  if (shape.size() < 2 || shape.back() == kDynamic || shape[shape.size() - 2] == kDynamic || shape.back() > kMaxMask ||
      shape[shape.size() - 2] * shape.back() > kMaxMask) {
    node.unsupported(fmt::format("has an input of {}, expected matrices of known extents", to_string(shape)));
  }
  const std::int64_t k = node.has_input(1) ? node.constant_integer(1, "k") : 0;
  const ValueId mask = node.constant(triangle(shape[shape.size() - 2], shape.back(), k, node.flag("upper", true)));
  return {node.add("Select", {mask, x, node.scalar(node.data_type(x), 0)})};
}

Values convert_reverse_sequence(NodeContext& node) {
  return {node.add("ReverseSequence", {node.input(0), node.input(1)},
                   {{"batch_axis", node.integer("batch_axis", 1)}, {"seq_axis", node.integer("time_axis", 0)}})};
}

Values convert_max_unpool(NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape shape = node.shape(x);
  const WindowAttributes windows = read_windows(node);
  const Shape& kernel = windows.kernel;
  if (!is_static(shape) || shape.size() != kernel.size() + 2) {
    node.unsupported(fmt::format("has an input of {}, expected known extents", to_string(shape)));
  }
  for (std::size_t i = 2; i < shape.size(); ++i) {
    ops::check_range(shape[i], 0, ops::kMaxAttribute, node.where() + " extent of the input");
  }
  // Indices count in the tensor that was pooled, whose extents the attributes give.
  Shape pooled = shape;
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    pooled[i + 2] = (shape[i + 2] - 1) * windows.strides[i] + kernel[i] - windows.pads_begin[i] - windows.pads_end[i];
    ops::check_range(pooled[i + 2], 0, ops::kMaxAttribute, node.where() + " extent of the output");
  }
  const Shape target = node.has_input(2) ? node.constant_integers(2, "output shape") : pooled;
  if (target.size() != pooled.size() || element_count(pooled) > element_count(target)) {
    node.invalid(fmt::format("makes {} into {}", to_string(pooled), to_string(target)));
  }
  const ValueId zeros = node.add("Broadcast", {node.scalar(node.data_type(x), 0),
                                               node.integer_list({static_cast<std::int64_t>(element_count(pooled))})});
  const ValueId flat = node.add("ScatterElementsUpdate", {zeros, node.reshape(node.input(1), {-1}),
                                                          node.reshape(x, {-1}), node.integer_scalar(0)});
  const ValueId result = node.reshape(flat, pooled);
  if (target == pooled) {
    return {result};
  }
  std::vector<std::int64_t> end(target.size());
  for (std::size_t i = 0; i < target.size(); ++i) {
    end[i] = target[i] - pooled[i];
  }
  return {node.add("Pad", {result, node.integer_list(std::vector<std::int64_t>(target.size(), 0)),
                           node.integer_list(end), node.scalar(node.data_type(x), 0)})};
}

}  // namespace fovea::onnx
