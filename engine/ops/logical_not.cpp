// LogicalNot: whether the element is zero (false); the result is bool.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/logical/logical-not-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {{DataType::kBool, inputs[0].type.shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_elements(
      inputs[0], outputs[0], [](double x) { return x == 0 ? 1.0 : 0.0; },
      [](std::int64_t x) { return static_cast<std::int64_t>(x == 0); });
}

}  // namespace

extern const OpDef logical_not;
const OpDef logical_not{
    .name = "LogicalNot",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/logical/"
        "logical-not-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "LogicalNot", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
