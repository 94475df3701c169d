// Tanh: the hyperbolic tangent, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/tanh-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kTanh}; }

}  // namespace

extern const OpDef tanh;
const OpDef tanh{
    .name = "Tanh",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "tanh-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Tanh", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
