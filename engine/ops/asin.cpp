// Asin: the inverse sine, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/asin-1.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_elements(inputs[0], outputs[0], [](double x) { return std::asin(x); });
}

}  // namespace

extern const OpDef asin;
const OpDef asin{
    .name = "Asin",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "asin-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Asin", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
