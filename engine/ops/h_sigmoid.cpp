// HSigmoid: min(max(x+3,0),6)/6, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/hsigmoid-5.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

std::optional<PostOp> post_op(const Node& /*node*/) {
  return PostOp{.kind = PostOpKind::kHSigmoid, .alpha = 1.0F / 6, .beta = 0.5F};
}

}  // namespace

extern const OpDef h_sigmoid;
const OpDef h_sigmoid{
    .name = "HSigmoid",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "hsigmoid-5.html",
    .inputs = {1, 1},
    .openvino = {.type = "HSigmoid", .versions = {5}},
    .attributes = {},
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
