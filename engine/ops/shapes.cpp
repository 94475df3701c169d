#include "engine/ops/shapes.hpp"

#include <algorithm>
#include <numeric>

namespace fovea::ops {
namespace {

constexpr auto kMaxExtent = static_cast<std::int64_t>(kMaxTensorBytes);

const Tensor& constant(const InputInfo& input, std::string_view what) {
  if (input.value == nullptr) {
    throw NotKnownYet(fmt::format("needs constant {}, got a computed {}", what, to_string(input.type)));
  }
  return *input.value;
}

std::int64_t checked_extent(std::int64_t extent) {
  if (extent > kMaxExtent) {
    fail(ErrorCode::kInvalidModel, "an extent of {} exceeds 2^40", extent);
  }
  return extent;
}

}  // namespace

bool has_input(const Node& node, std::span<const InputInfo> inputs, std::size_t index) {
  return index < inputs.size() && (index >= node.inputs.size() || node.inputs[index] != kNone);
}

bool has_input(std::span<const ConstTensorView> inputs, std::size_t index) {
  return index < inputs.size() && inputs[index].bytes != nullptr;
}

std::size_t normalize_axis(std::int64_t axis, std::size_t rank, std::string_view what) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected -{} to {} for rank {}", what, axis, rank, signed_rank - 1, rank);
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<std::size_t> normalize_axes(std::span<const std::int64_t> axes, std::size_t rank, std::string_view what) {
  std::vector<std::size_t> result;
  for (const std::int64_t axis : axes) {
    const std::size_t normal = normalize_axis(axis, rank, what);
    if (std::ranges::find(result, normal) != result.end()) {
      fail(ErrorCode::kInvalidModel, "{} name axis {} twice", what, normal);
    }
    result.push_back(normal);
  }
  return result;
}

std::vector<std::int64_t> constant_ints(const InputInfo& input, std::string_view what) {
  const Tensor& tensor = constant(input, what);
  if (is_float(tensor.data_type()) || tensor.shape().size() > 1) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected a list of integers", what, to_string(tensor.type()));
  }
  return to_ints(tensor.view());
}

std::int64_t constant_int(const InputInfo& input, std::string_view what) {
  const std::vector<std::int64_t> values = constant_ints(input, what);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected 1", what, values.size());
  }
  return values[0];
}

Shape open_shape(const InputInfo& pattern) {
  const Shape& shape = pattern.type.shape;
  constexpr std::int64_t kMaxRank = 16;
  if (pattern.value != nullptr || shape.size() != 1 || shape[0] < 1 || shape[0] > kMaxRank) {
    return {};
  }
  return Shape(static_cast<std::size_t>(shape[0]), kDynamic);
}

std::vector<double> constant_doubles(const InputInfo& input, std::string_view what) {
  return to_doubles(constant(input, what).view());
}

void check_range(std::int64_t value, std::int64_t least, std::int64_t most, std::string_view what) {
  if (value < least || value > most) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected {} to {}", what, value, least, most);
  }
}

void check_rank(const Shape& shape, std::size_t least, std::size_t most, std::string_view what) {
  if (shape.size() < least || shape.size() > most) {
    fail(ErrorCode::kInvalidModel, "{} has shape {}, expected rank {} to {}", what, to_string(shape), least, most);
  }
}

void check_static(const Shape& shape, std::string_view what) {
  if (!is_static(shape)) {
    throw NotKnownYet(fmt::format("{} has the dynamic shape {}; the model must be reshaped to static shapes", what,
                                  to_string(shape)));
  }
}

void check_same_type(const InputInfo& a, const InputInfo& b) {
  if (a.type.data_type != b.type.data_type) {
    fail(ErrorCode::kInvalidModel, "inputs are {} and {}, expected one element type", to_string(a.type),
         to_string(b.type));
  }
}

void check_index_type(DataType type, std::string_view what) {
  if (type != DataType::kI32 && type != DataType::kI64) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected i32 or i64", what, to_string(type));
  }
}

std::int64_t add_extents(std::int64_t a, std::int64_t b) {
  return a == kDynamic || b == kDynamic ? kDynamic : checked_extent(checked_extent(a) + checked_extent(b));
}

std::int64_t multiply_extents(std::int64_t a, std::int64_t b) {
  if (a == kDynamic || b == kDynamic) {
    return kDynamic;
  }
  if (b != 0 && a > kMaxExtent / b) {
    fail(ErrorCode::kInvalidModel, "an extent of {} times {} exceeds 2^40", a, b);
  }
  return a * b;
}

std::vector<std::int64_t> checked_list(const std::vector<std::int64_t>& values, std::size_t count,
                                       std::int64_t fallback, std::int64_t least, std::string_view what) {
  if (values.empty()) {
    return std::vector<std::int64_t>(count, fallback);
  }
  if (values.size() != count) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected {}", what, values.size(), count);
  }
  for (const std::int64_t value : values) {
    check_range(value, least, kMaxAttribute, what);
  }
  return values;
}

AxisView view_axis(const Shape& shape, std::size_t axis) {
  return {.outer = count_between(shape, 0, axis),
          .extent = static_cast<std::size_t>(shape[axis]),
          .inner = count_between(shape, axis + 1, shape.size())};
}

std::size_t count_between(const Shape& shape, std::size_t begin, std::size_t end) {
  std::size_t count = 1;
  for (std::size_t i = begin; i < end; ++i) {
    count *= static_cast<std::size_t>(shape[i]);
  }
  return count;
}

std::vector<TensorType> infer_same(const Node& /*node*/, std::span<const InputInfo> inputs) { return {inputs[0].type}; }

}  // namespace fovea::ops
