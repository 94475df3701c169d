// Abs: the absolute value, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/abs-1.html

#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kAbs}; }

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  map_elements(
      inputs[0], outputs[0], [](double x) { return std::abs(x); },
      [](std::int64_t x) { return x < 0 ? wrap_subtract(0, x) : x; });
}

}  // namespace

extern const OpDef abs;
const OpDef abs{
    .name = "Abs",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "abs-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Abs", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
