// BitwiseAnd: bit by bit, both are set.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/bitwise-and-13.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  if (is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "inputs are {}, expected integers", to_string(inputs[0].type));
  }
  return infer_binary(node, inputs);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(node, inputs, outputs[0], nullptr, [](std::int64_t a, std::int64_t b) { return a & b; });
}

}  // namespace

extern const OpDef bitwise_and;
const OpDef bitwise_and{
    .name = "BitwiseAnd",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/"
        "bitwise-and-13.html",
    .inputs = {2, 2},
    .openvino = {.type = "BitwiseAnd", .versions = {13}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
