// FloorMod: the remainder of a / b rounded down: it has the sign of b. Element by element, with broadcasting.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/floormod-1.html

#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::int64_t floor_mod(std::int64_t a, std::int64_t b) {
  const std::int64_t rest = safe_remainder(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(
      node, inputs, outputs[0], [](double a, double b) { return a - std::floor(a / b) * b; }, floor_mod);
}

}  // namespace

extern const OpDef floor_mod;
const OpDef floor_mod{
    .name = "FloorMod",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "floormod-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "FloorMod", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer_binary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
