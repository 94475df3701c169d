// SoftSign: x/(1+|x|), element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/softsign-9.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_elements(inputs[0], outputs[0], [](double x) { return x / (1.0 + std::abs(x)); });
}

}  // namespace

extern const OpDef soft_sign;
const OpDef soft_sign{
    .name = "SoftSign",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "softsign-9.html",
    .inputs = {1, 1},
    .openvino = {.type = "SoftSign", .versions = {9}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
