// Sign: -1, 0 or 1, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/sign-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_elements(
      inputs[0], outputs[0], [](double x) { return x > 0   ? 1.0
                                                   : x < 0 ? -1.0
                                                           : x; },
      [](std::int64_t x) { return static_cast<std::int64_t>(x > 0) - static_cast<std::int64_t>(x < 0); });
}

}  // namespace

extern const OpDef sign;
const OpDef sign{
    .name = "Sign",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "sign-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Sign", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
