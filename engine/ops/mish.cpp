// Mish: x*tanh(ln(1+exp(x))), element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/mish-4.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kMish}; }

}  // namespace

extern const OpDef mish;
const OpDef mish{
    .name = "Mish",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "mish-4.html",
    .inputs = {1, 1},
    .openvino = {.type = "Mish", .versions = {4}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
