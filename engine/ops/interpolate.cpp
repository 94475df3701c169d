// Interpolate: resizes some axes by nearest, linear or cubic interpolation. Inputs: data; sizes and scales (opset 4),
// or the one of them that shape_calculation_mode names (opset 11), or sizes (opset 1); axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/interpolate-4.html

#include "engine/ops/interpolate.hpp"

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

InterpolatePlaces interpolate_places(const InterpolateAttributes& attributes) {
  const bool by_sizes = attributes.opset < 4 || attributes.shape_calculation_mode == ShapeCalculation::kSizes;
  const bool merged = attributes.opset < 4 || attributes.opset >= 11;
  InterpolatePlaces place;
  place.sizes = by_sizes ? 1 : 0;
  if (!by_sizes) {
    place.scales = merged ? 1 : 2;
  }
  if (attributes.opset >= 4) {
    place.axes = merged ? 2 : 3;
  }
  return place;
}

namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<InterpolateAttributes>();
  const InterpolatePlaces place = interpolate_places(attributes);
  InterpolateInputs values;
  if (place.sizes != 0) {
    values.sizes = constant_ints(inputs[place.sizes], "sizes");
  } else if (has_input(node, inputs, place.scales)) {
    values.scales = constant_doubles(inputs[place.scales], "scales");
  } else {
    fail(ErrorCode::kInvalidModel, "scales are missing, shape_calculation_mode scales needs them");
  }
  if (place.axes != 0 && has_input(node, inputs, place.axes)) {
    values.axes = constant_ints(inputs[place.axes], "axes");
  }
  return {{inputs[0].type.data_type, resolve_interpolate(attributes, inputs[0].type.shape, values).output}};
}

/// Resizes one axis of a row-major tensor of this shape.
std::vector<double> resize_axis(const std::vector<double>& values, const Shape& shape, std::size_t axis,
                                const std::vector<std::vector<Tap>>& taps) {
  const AxisView view = view_axis(shape, axis);
  std::vector<double> result(view.outer * taps.size() * view.inner, 0.0);
  double* target = result.data();
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    const double* source = values.data() + outer * view.extent * view.inner;
    for (const std::vector<Tap>& sum : taps) {
      for (const Tap& tap : sum) {
        const double* row = source + static_cast<std::size_t>(tap.index) * view.inner;
        for (std::size_t i = 0; i < view.inner; ++i) {
          target[i] += tap.weight * row[i];
        }
      }
      target += view.inner;
    }
  }
  return result;
}

/// The data with zeros around it.
std::vector<double> pad(const ConstTensorView& data, const InterpolatePlan& plan) {
  std::vector<double> values = to_doubles(data);
  if (plan.padded == data.shape()) {
    return values;
  }
  std::vector<double> padded(element_count(plan.padded), 0.0);
  const Shape strides = row_major_strides(plan.padded);
  const auto start = static_cast<std::size_t>(flat_index(plan.pads_begin, strides));
  Shape index(data.shape().size(), 0);
  for (const double value : values) {
    padded[start + static_cast<std::size_t>(flat_index(index, strides))] = value;
    next_index(index, data.shape());
  }
  return padded;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<InterpolateAttributes>();
  const InterpolatePlaces place = interpolate_places(attributes);
  InterpolateInputs given;
  if (place.sizes != 0) {
    given.sizes = to_ints(inputs[place.sizes]);
  } else {
    given.scales = to_doubles(inputs[place.scales]);
  }
  if (place.axes != 0 && has_input(inputs, place.axes)) {
    given.axes = to_ints(inputs[place.axes]);
  }
  const InterpolatePlan plan = resolve_interpolate(attributes, inputs[0].shape(), given);
  std::vector<double> values = pad(inputs[0], plan);
  Shape shape = plan.padded;
  for (const ResizedAxis& axis : plan.axes) {
    values = resize_axis(values, shape, axis.axis, interpolation_taps(plan, axis));
    shape[axis.axis] = axis.output;
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef interpolate;
const OpDef interpolate{
    .name = "Interpolate",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "interpolate-4.html",
    .inputs = {2, 4},
    .openvino = {.type = "Interpolate", .versions = {1, 4, 11}},
    .attributes = attributes_of<InterpolateAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
