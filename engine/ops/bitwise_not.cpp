// BitwiseNot: all bits turned over; for booleans the opposite.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/bitwise-not-13.html

#include <algorithm>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  if (is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "data is {}, expected integers or booleans", to_string(inputs[0].type));
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  std::vector<std::int64_t> values = to_ints(inputs[0]);
  const bool boolean = inputs[0].type.data_type == DataType::kBool;
  std::ranges::for_each(values, [&](std::int64_t& value) { value = boolean ? (value == 0 ? 1 : 0) : ~value; });
  store(outputs[0], values);
}

}  // namespace

extern const OpDef bitwise_not;
const OpDef bitwise_not{
    .name = "BitwiseNot",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/"
        "bitwise-not-13.html",
    .inputs = {1, 1},
    .openvino = {.type = "BitwiseNot", .versions = {13}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
