// IsNaN: true where an element is not a number.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/isnan-10.html

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
  std::ranges::transform(values, outputs[0].data<bool>().begin(), [](double x) { return std::isnan(x); });
}

}  // namespace

extern const OpDef is_nan;
const OpDef is_nan{
    .name = "IsNaN",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/"
        "isnan-10.html",
    .inputs = {1, 1},
    .openvino = {.type = "IsNaN", .versions = {10}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
