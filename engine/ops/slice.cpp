// Slice: numpy's a[start:stop:step] along the axes of the fifth input, or the leading ones without it.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/slice-8.html

#include "engine/ops/slice.hpp"

#include <numeric>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Values of the inputs after the data.
struct Bounds {
  std::vector<std::int64_t> start;
  std::vector<std::int64_t> stop;
  std::vector<std::int64_t> step;
  std::vector<std::int64_t> axes;
};

/// One range per axis of the data.
std::vector<AxisRange> read_ranges(const Shape& shape, const Bounds& bounds) {
  const std::size_t count = bounds.start.size();
  if (bounds.stop.size() != count || bounds.step.size() != count || bounds.axes.size() != count) {
    fail(ErrorCode::kInvalidModel, "start, stop, step and axes have {}, {}, {} and {} values, expected as many", count,
         bounds.stop.size(), bounds.step.size(), bounds.axes.size());
  }
  std::vector<AxisRange> ranges;
  for (const std::int64_t extent : shape) {
    ranges.push_back({.start = 0, .step = 1, .count = extent});
  }
  const std::vector<std::size_t> axes = normalize_axes(bounds.axes, shape.size());
  for (std::size_t i = 0; i < count; ++i) {
    ranges[axes[i]] = axis_range(shape[axes[i]], bounds.start[i], bounds.stop[i], bounds.step[i]);
  }
  return ranges;
}

std::vector<std::int64_t> leading_axes(std::size_t count) {
  std::vector<std::int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Bounds bounds{
      constant_ints(inputs[1], "start"), constant_ints(inputs[2], "stop"), constant_ints(inputs[3], "step"), {}};
  bounds.axes = has_input(node, inputs, 4) ? constant_ints(inputs[4], "axes") : leading_axes(bounds.start.size());
  Shape shape;
  for (const AxisRange& range : read_ranges(inputs[0].type.shape, bounds)) {
    shape.push_back(range.count);
  }
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  Bounds bounds{to_ints(inputs[1]), to_ints(inputs[2]), to_ints(inputs[3]), {}};
  bounds.axes = has_input(inputs, 4) ? to_ints(inputs[4]) : leading_axes(bounds.start.size());
  Shape strides = row_major_strides(inputs[0].shape());
  std::int64_t start = 0;
  const std::vector<AxisRange> ranges = read_ranges(inputs[0].shape(), bounds);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    start += ranges[i].start * strides[i];
    strides[i] *= ranges[i].step;
  }
  move_elements(inputs[0], outputs[0], [&](const Shape& index) { return start + flat_index(index, strides); });
}

}  // namespace

extern const OpDef slice;
const OpDef slice{
    .name = "Slice",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "slice-8.html",
    .inputs = {4, 5},
    .openvino = {.type = "Slice", .versions = {8}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
