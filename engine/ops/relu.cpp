// ReLU: max(x, 0), element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/relu-1.html

#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) { return PostOp{.kind = PostOpKind::kRelu, .alpha = 0}; }

}  // namespace

extern const OpDef relu;
const OpDef relu{
    .name = "Relu",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "relu-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "ReLU", .versions = {1}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
