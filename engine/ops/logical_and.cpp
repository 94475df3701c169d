// LogicalAnd: whether both are true (not zero), element by element, with broadcasting; the result is bool.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/logical/logical-and-1.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(
      node, inputs, outputs[0], [](double a, double b) { return (a != 0) && (b != 0) ? 1.0 : 0.0; },
      [](std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>((a != 0) && (b != 0)); });
}

}  // namespace

extern const OpDef logical_and;
const OpDef logical_and{
    .name = "LogicalAnd",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/logical/"
        "logical-and-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "LogicalAnd", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer_binary_bool,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
