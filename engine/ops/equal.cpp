// Equal: whether a is equal to b, element by element, with broadcasting; the result is bool.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/equal-1.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_pairs(
      node, inputs, outputs[0], [](double a, double b) { return a == b ? 1.0 : 0.0; },
      [](std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(a == b); });
}

}  // namespace

extern const OpDef equal;
const OpDef equal{
    .name = "Equal",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/"
        "equal-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Equal", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer_binary_bool,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
