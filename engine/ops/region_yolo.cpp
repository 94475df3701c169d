// RegionYolo: the last layer of YOLO: sigmoid of x, y and objectness; softmax over classes (v2), or sigmoid of them
// (v3). Width and height stay as they are. Channels of a box: x, y, w, h, objectness, classes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/region-yolo-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::vector<double> anchors;
  std::int64_t axis = 1;
  std::int64_t end_axis = -1;  ///< do_softmax: axes axis … end_axis become one.
  std::int64_t coords = 4;
  std::int64_t classes = 1;
  std::int64_t num = 1;
  bool do_softmax = true;
  std::vector<std::int64_t> mask;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("anchors", anchors);
    visit("axis", axis);
    visit("end_axis", end_axis);
    visit("coords", coords);
    visit("classes", classes);
    visit("num", num);
    visit("do_softmax", do_softmax);
    visit("mask", mask);
  }
  bool operator==(const Attributes&) const = default;
};

std::int64_t box_count(const Attributes& attributes) {
  return attributes.do_softmax ? attributes.num : static_cast<std::int64_t>(attributes.mask.size());
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  Shape shape = inputs[0].type.shape;
  check_rank(shape, 4, 4, "data");
  check_range(attributes.coords, 4, 64, "coords");
  check_range(attributes.classes, 0, kMaxAttribute, "classes");
  check_range(box_count(attributes), 1, kMaxAttribute, "the number of boxes");
  const std::int64_t channels = multiply_extents(box_count(attributes), attributes.coords + 1 + attributes.classes);
  if (!extents_agree(shape[1], channels)) {
    fail(ErrorCode::kInvalidModel, "data has {} channels, expected {}", shape[1], channels);
  }
  if (!attributes.do_softmax) {
    return {inputs[0].type};
  }
  const std::size_t first = normalize_axis(attributes.axis, shape.size());
  const std::size_t last = normalize_axis(attributes.end_axis, shape.size(), "end_axis");
  if (first > last) {
    fail(ErrorCode::kInvalidModel, "axis {} stands behind end_axis {}", first, last);
  }
  for (std::size_t i = first + 1; i <= last; ++i) {
    shape[first] = multiply_extents(shape[first], shape[i]);
  }
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(first) + 1,
              shape.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  return {{inputs[0].type.data_type, shape}};
}

/// Replaces `count` values that stand `stride` apart by their softmax.
void apply_softmax(double* values, std::size_t count, std::size_t stride) {
  double largest = -INFINITY;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, values[i * stride]);
  }
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    values[i * stride] = std::exp(values[i * stride] - largest);
    sum += values[i * stride];
  }
  for (std::size_t i = 0; i < count; ++i) {
    values[i * stride] /= sum;
  }
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const std::size_t plane = count_between(shape, 2, 4);
  const auto coords = static_cast<std::size_t>(attributes.coords);
  const auto classes = static_cast<std::size_t>(attributes.classes);
  const std::size_t entries = coords + 1 + classes;
  const std::size_t boxes = count_between(shape, 0, 2) / entries;
  std::vector<double> values = to_doubles(inputs[0]);
  for (std::size_t box = 0; box < boxes; ++box) {
    double* start = values.data() + box * entries * plane;
    for (std::size_t entry = 0; entry < entries; ++entry) {
      const bool squashed = entry < 2 || entry == coords || (entry > coords && !attributes.do_softmax);
      for (std::size_t i = entry * plane; squashed && i < (entry + 1) * plane; ++i) {
        start[i] = 1.0 / (1.0 + std::exp(-start[i]));
      }
    }
    for (std::size_t i = 0; attributes.do_softmax && i < plane; ++i) {
      apply_softmax(start + (coords + 1) * plane + i, classes, plane);
    }
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef region_yolo;
const OpDef region_yolo{
    .name = "RegionYolo",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "region-yolo-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "RegionYolo", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
