// Maximum: the larger of a and b, element by element, with broadcasting.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/maximum-1.html

#include <algorithm>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(
      node, inputs, outputs[0], [](double a, double b) { return std::max(a, b); },
      [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

}  // namespace

extern const OpDef maximum;
const OpDef maximum{
    .name = "Maximum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "maximum-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Maximum", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer_binary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
