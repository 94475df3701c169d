// Sqrt: the square root, element by element; NaN below zero.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/sqrt-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kSqrt}; }

}  // namespace

extern const OpDef sqrt;
const OpDef sqrt{
    .name = "Sqrt",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "sqrt-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Sqrt", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
