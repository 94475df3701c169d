// Concat: the inputs one after another along one axis.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/concat-1.html

#include "engine/ops/concat.hpp"

#include <cstring>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  TensorType result = inputs[0].type;
  const std::size_t axis = normalize_axis(node.attrs<ConcatAttributes>().axis, result.shape.size());
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i].type.shape;
    check_same_type(inputs[0], inputs[i]);
    bool fits = shape.size() == result.shape.size();
    for (std::size_t k = 0; fits && k < shape.size(); ++k) {
      fits = k == axis || extents_agree(shape[k], result.shape[k]);
    }
    if (!fits) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected the first input's shape {} except along axis {}", i,
           to_string(shape), to_string(inputs[0].type.shape), axis);
    }
    for (std::size_t k = 0; k < shape.size(); ++k) {
      if (k == axis) {
        result.shape[k] = add_extents(result.shape[k], shape[k]);
      } else if (result.shape[k] == kDynamic) {
        result.shape[k] = shape[k];
      }
    }
  }
  return {result};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = outputs[0].shape();
  const std::size_t axis = normalize_axis(node.attrs<ConcatAttributes>().axis, shape.size());
  const std::size_t size = size_of(outputs[0].type.data_type);
  const AxisView whole = view_axis(shape, axis);
  std::byte* target = outputs[0].bytes;
  for (std::size_t outer = 0; outer < whole.outer; ++outer) {
    for (const ConstTensorView& input : inputs) {
      const std::size_t bytes = static_cast<std::size_t>(input.shape()[axis]) * whole.inner * size;
      std::memcpy(target, input.bytes + outer * bytes, bytes);
      target += bytes;
    }
  }
}

}  // namespace

extern const OpDef concat;
const OpDef concat{
    .name = "Concat",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "concat-1.html",
    .inputs = {1, kVariadic},
    .openvino = {.type = "Concat", .versions = {1}},
    .attributes = attributes_of<ConcatAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
