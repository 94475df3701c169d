// HSwish: x*min(max(x+3,0),6)/6, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/hswish-4.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kHSwish}; }

}  // namespace

extern const OpDef h_swish;
const OpDef h_swish{
    .name = "HSwish",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "hswish-4.html",
    .inputs = {1, 1},
    .openvino = {.type = "HSwish", .versions = {4}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
