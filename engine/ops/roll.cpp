// Roll: moves elements along axes, those pushed out at one end come back at the other.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/roll-7.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Shift along each axis, in [0, extent).
Shape shifts(const Shape& shape, std::vector<std::int64_t> shift, const std::vector<std::int64_t>& axes) {
  if (shift.size() == 1) {
    shift.resize(axes.size(), shift[0]);
  }
  if (shift.size() != axes.size()) {
    fail(ErrorCode::kInvalidModel, "there are {} shifts for {} axes", shift.size(), axes.size());
  }
  Shape result(shape.size(), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = normalize_axis(axes[i], shape.size(), "an axis");
    const std::int64_t extent = std::max<std::int64_t>(shape[axis], 1);
    result[axis] = (result[axis] + (shift[i] % extent + extent) % extent) % extent;
  }
  return result;
}

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  for (std::size_t i = 1; i < 3; ++i) {
    check_rank(inputs[i].type.shape, 0, 1, i == 1 ? "shift" : "axes");
    check_index_type(inputs[i].type.data_type, i == 1 ? "the type of shift" : "the type of axes");
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = outputs[0].shape();
  const Shape shift = shifts(shape, to_ints(inputs[1]), to_ints(inputs[2]));
  const Shape strides = row_major_strides(shape);
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    Shape source = index;
    for (std::size_t i = 0; i < source.size(); ++i) {
      source[i] = (source[i] + shape[i] - shift[i]) % shape[i];
    }
    return flat_index(source, strides);
  });
}

}  // namespace

extern const OpDef roll;
const OpDef roll{
    .name = "Roll",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "roll-7.html",
    .inputs = {3, 3},
    .openvino = {.type = "Roll", .versions = {7}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
