// StridedSlice: numpy's a[begin:end:stride, …] with masks; a 1 in begin_mask or end_mask means that the bound is
// ignored.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/strided-slice-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/slice.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::vector<std::int64_t> begin_mask;  ///< All masks: missing entries are 0, surplus ones are ignored.
  std::vector<std::int64_t> end_mask;
  std::vector<std::int64_t> new_axis_mask;
  std::vector<std::int64_t> shrink_axis_mask;
  std::vector<std::int64_t> ellipsis_mask;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("begin_mask", begin_mask);
    visit("end_mask", end_mask);
    visit("new_axis_mask", new_axis_mask);
    visit("shrink_axis_mask", shrink_axis_mask);
    visit("ellipsis_mask", ellipsis_mask);
  }
  bool operator==(const Attributes&) const = default;
};

bool bit(const std::vector<std::int64_t>& mask, std::size_t i) { return i < mask.size() && mask[i] != 0; }

/// What the slice does, axis by axis.
struct Plan {
  Shape output;
  std::vector<AxisRange> ranges;    ///< One per input axis.
  std::vector<std::size_t> source;  ///< The input axis of each output axis; kNewAxis for inserted ones.
};
constexpr std::size_t kNewAxis = ~std::size_t{0};

/// Applies entry `i` of begin, end and stride to an axis of this extent.
AxisRange entry_range(const Attributes& attributes, std::int64_t extent, std::size_t i, std::int64_t begin,
                      std::int64_t end, std::int64_t stride) {
  if (!bit(attributes.shrink_axis_mask, i)) {
    return axis_range(extent, begin, end, stride, bit(attributes.begin_mask, i), bit(attributes.end_mask, i));
  }
  const std::int64_t place = bit(attributes.begin_mask, i) ? 0 : begin;
  if (extent == kDynamic) {
    return {.start = place, .step = 1, .count = 1};
  }
  if (place < -extent || place >= extent) {
    fail(ErrorCode::kInvalidModel, "begin {} is outside an axis of {}", place, extent);
  }
  return {.start = place < 0 ? place + extent : place, .step = 1, .count = 1};
}

Plan make_plan(const Attributes& attributes, const Shape& shape, const std::vector<std::int64_t>& begin,
               const std::vector<std::int64_t>& end, std::vector<std::int64_t> strides) {
  if (strides.empty()) {
    strides.assign(begin.size(), 1);
  }
  if (begin.size() != end.size() || begin.size() != strides.size()) {
    fail(ErrorCode::kInvalidModel, "begin, end and strides have {}, {} and {} values, expected as many", begin.size(),
         end.size(), strides.size());
  }
  std::size_t used = 0;
  for (std::size_t i = 0; i < begin.size(); ++i) {
    used += bit(attributes.ellipsis_mask, i) || bit(attributes.new_axis_mask, i) ? 0 : 1;
  }
  if (used > shape.size()) {
    fail(ErrorCode::kInvalidModel, "begin addresses {} axes of data {}", used, to_string(shape));
  }
  Plan plan;
  const auto keep = [&](std::size_t count) {
    for (; count > 0; --count) {
      const std::size_t axis = plan.ranges.size();
      plan.ranges.push_back({.start = 0, .step = 1, .count = shape[axis]});
      plan.source.push_back(axis);
      plan.output.push_back(shape[axis]);
    }
  };
  bool ellipsis = false;
  for (std::size_t i = 0; i < begin.size(); ++i) {
    if (bit(attributes.ellipsis_mask, i)) {
      if (ellipsis) {
        fail(ErrorCode::kInvalidModel, "ellipsis_mask has more than one 1");
      }
      ellipsis = true;
      keep(shape.size() - used);
    } else if (bit(attributes.new_axis_mask, i)) {
      plan.source.push_back(kNewAxis);
      plan.output.push_back(1);
    } else {
      const std::size_t axis = plan.ranges.size();
      plan.ranges.push_back(entry_range(attributes, shape[axis], i, begin[i], end[i], strides[i]));
      if (!bit(attributes.shrink_axis_mask, i)) {
        plan.source.push_back(axis);
        plan.output.push_back(plan.ranges.back().count);
      }
    }
  }
  keep(shape.size() - plan.ranges.size());
  return plan;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto strides = has_input(node, inputs, 3) ? constant_ints(inputs[3], "strides") : std::vector<std::int64_t>();
  const Plan plan = make_plan(node.attrs<Attributes>(), inputs[0].type.shape, constant_ints(inputs[1], "begin"),
                              constant_ints(inputs[2], "end"), strides);
  return {{inputs[0].type.data_type, plan.output}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto steps = has_input(inputs, 3) ? to_ints(inputs[3]) : std::vector<std::int64_t>();
  const Plan plan =
      make_plan(node.attrs<Attributes>(), inputs[0].shape(), to_ints(inputs[1]), to_ints(inputs[2]), steps);
  const Shape input_strides = row_major_strides(inputs[0].shape());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < plan.ranges.size(); ++i) {
    start += plan.ranges[i].start * input_strides[i];
  }
  Shape strides;
  for (const std::size_t axis : plan.source) {
    strides.push_back(axis == kNewAxis ? 0 : input_strides[axis] * plan.ranges[axis].step);
  }
  move_elements(inputs[0], outputs[0], [&](const Shape& index) { return start + flat_index(index, strides); });
}

}  // namespace

extern const OpDef strided_slice;
const OpDef strided_slice{
    .name = "StridedSlice",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "strided-slice-1.html",
    .inputs = {3, 4},
    .openvino = {.type = "StridedSlice", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
