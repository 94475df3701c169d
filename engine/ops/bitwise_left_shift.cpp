// BitwiseLeftShift: integers moved left by as many bits as the second input says; those beyond the type are lost.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/bitwise-left-shift-15.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Distances outside the type are left open by the specification; here they leave nothing.
std::int64_t shift(std::int64_t a, std::int64_t b) {
  return b < 0 || b >= 64 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << static_cast<unsigned>(b));
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  if (is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "inputs are {}, expected integers", to_string(inputs[0].type));
  }
  return infer_binary(node, inputs);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(node, inputs, outputs[0], nullptr, shift);
}

}  // namespace

extern const OpDef bitwise_left_shift;
const OpDef bitwise_left_shift{
    .name = "BitwiseLeftShift",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/bitwise/"
        "bitwise-left-shift-15.html",
    .inputs = {2, 2},
    .openvino = {.type = "BitwiseLeftShift", .versions = {15}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
