// Sigmoid: 1/(1+exp(-x)), element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/sigmoid-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kSigmoid}; }

}  // namespace

extern const OpDef sigmoid;
const OpDef sigmoid{
    .name = "Sigmoid",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "sigmoid-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Sigmoid", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
