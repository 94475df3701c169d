// ConvertLike: the values of the first input as the element type of the second, whose values do not matter.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/type/convert-like-1.html

#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {{inputs[1].type.data_type, inputs[0].type.shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  if (is_float(inputs[0].type.data_type) || is_float(outputs[0].type.data_type)) {
    store(outputs[0], to_doubles(inputs[0]));
  } else {
    store(outputs[0], to_ints(inputs[0]));
  }
}

}  // namespace

extern const OpDef convert_like;
const OpDef convert_like{
    .name = "ConvertLike",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/type/"
        "convert-like-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ConvertLike", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
