#include "engine/ops/yuv.hpp"

#include <algorithm>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

void check_plane(const InputInfo& input, const Shape& expected) {
  bool fits = input.type.shape.size() == 4;
  for (std::size_t i = 0; fits && i < 4; ++i) {
    fits = extents_agree(input.type.shape[i], expected[i]);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "a colour plane is {}, expected {}", to_string(input.type.shape),
         to_string(expected));
  }
}

std::int64_t half(std::int64_t extent) { return extent == kDynamic ? kDynamic : extent / 2; }

/// A plane's elements: first one, distance between rows' and columns' neighbours.
struct Plane {
  std::vector<double> values;
  std::size_t offset = 0;
  std::size_t row = 0;
  std::size_t column = 1;

  [[nodiscard]] double at(std::size_t y, std::size_t x) const { return values[offset + y * row + x * column]; }
};

struct Planes {
  Plane y;
  Plane u;
  Plane v;
};

/// Of picture `n`.
Planes planes_of(YuvLayout layout, std::span<const ConstTensorView> inputs, std::size_t n, std::size_t height,
                 std::size_t width) {
  std::vector<std::vector<double>> parts;
  for (const ConstTensorView& input : inputs) {
    const std::vector<double> all = to_doubles(input);
    const auto item = static_cast<std::ptrdiff_t>(count_between(input.shape(), 1, 4));
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(n) * item;
    parts.emplace_back(begin, begin + item);
  }
  const std::size_t luma = height * width;
  const bool single = parts.size() == 1;
  Planes planes;
  planes.y = {.values = parts[0], .offset = 0, .row = width};
  if (layout == YuvLayout::kNv12) {
    planes.u = {.values = parts[single ? 0 : 1], .offset = single ? luma : 0, .row = width, .column = 2};
    planes.v = planes.u;
    ++planes.v.offset;
  } else {
    planes.u = {.values = parts[single ? 0 : 1], .offset = single ? luma : 0, .row = width / 2};
    planes.v = {.values = parts[single ? 0 : 2], .offset = single ? luma + luma / 4 : 0, .row = width / 2};
  }
  return planes;
}

}  // namespace

std::vector<TensorType> infer_yuv(YuvLayout layout, std::span<const InputInfo> inputs) {
  const std::size_t planes = layout == YuvLayout::kNv12 ? 2 : 3;
  if (inputs.size() != 1 && inputs.size() != planes) {
    fail(ErrorCode::kInvalidModel, "has {} inputs, expected 1 or {}", inputs.size(), planes);
  }
  for (const InputInfo& input : inputs) {
    check_same_type(inputs[0], input);
  }
  Shape shape = inputs[0].type.shape;
  check_rank(shape, 4, 4, "the picture");
  if (!extents_agree(shape[3], 1)) {
    fail(ErrorCode::kInvalidModel, "the picture is {}, expected [N,H,W,1]", to_string(shape));
  }
  if (inputs.size() == 1 && shape[1] != kDynamic) {
    if (shape[1] % 3 != 0) {
      fail(ErrorCode::kInvalidModel, "a single plane has {} rows, expected a multiple of 3", shape[1]);
    }
    shape[1] = shape[1] / 3 * 2;
  }
  for (const std::size_t axis : {std::size_t{1}, std::size_t{2}}) {
    if (shape[axis] != kDynamic && shape[axis] % 2 != 0) {
      fail(ErrorCode::kInvalidModel, "the picture has {} rows or columns, expected even numbers", shape[axis]);
    }
  }
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    check_plane(inputs[i], {shape[0], half(shape[1]), half(shape[2]), layout == YuvLayout::kNv12 ? 2 : 1});
  }
  shape[3] = 3;
  return {{inputs[0].type.data_type, shape}};
}

void convert_yuv(YuvLayout layout, bool bgr, std::span<const ConstTensorView> inputs, const TensorView& output) {
  const Shape& shape = output.shape();
  const auto height = static_cast<std::size_t>(shape[1]);
  const auto width = static_cast<std::size_t>(shape[2]);
  std::vector<double> result;
  for (std::size_t n = 0; n < static_cast<std::size_t>(shape[0]); ++n) {
    const Planes planes = planes_of(layout, inputs, n, height, width);
    for (std::size_t i = 0; i < height * width; ++i) {
      const std::size_t row = i / width;
      const std::size_t column = i % width;
      const double y = 1.164 * (planes.y.at(row, column) - 16);
      const double u = planes.u.at(row / 2, column / 2) - 128;
      const double v = planes.v.at(row / 2, column / 2) - 128;
      const double red = y + 1.596 * v;
      const double blue = y + 2.018 * u;
      for (const double value : {bgr ? blue : red, y - 0.813 * v - 0.391 * u, bgr ? red : blue}) {
        result.push_back(std::clamp(value, 0.0, 255.0));
      }
    }
  }
  store(output, result);
}

}  // namespace fovea::ops
