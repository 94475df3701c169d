// IsFinite: true where an element is a number and not infinite.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/isfinite-10.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {{DataType::kBool, inputs[0].type.shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<double> values = to_doubles(inputs[0]);
  std::ranges::transform(values, outputs[0].data<bool>().begin(), [](double x) { return std::isfinite(x); });
}

}  // namespace

extern const OpDef is_finite;
const OpDef is_finite{
    .name = "IsFinite",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/"
        "isfinite-10.html",
    .inputs = {1, 1},
    .openvino = {.type = "IsFinite", .versions = {10}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
