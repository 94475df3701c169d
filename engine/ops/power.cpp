// Power: a to the power of b, element by element, with broadcasting.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/power-1.html

#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

/// By squaring, wrapping around; a negative exponent truncates toward zero as 1/a^n does.
std::int64_t power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  }
  std::int64_t result = 1;
  for (; exponent > 0; exponent /= 2) {
    result = exponent % 2 == 1 ? wrap_multiply(result, base) : result;
    base = wrap_multiply(base, base);
  }
  return result;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(
      node, inputs, outputs[0], [](double a, double b) { return std::pow(a, b); }, power);
}

}  // namespace

extern const OpDef power;
const OpDef power{
    .name = "Power",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "power-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Power", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer_binary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
