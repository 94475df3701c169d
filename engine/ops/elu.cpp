// Elu: x for x >= 0, alpha*(exp(x)-1) otherwise, element by element.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/elu-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double alpha = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("alpha", alpha);
  }
  bool operator==(const Attributes&) const = default;
};

std::optional<PostOp> post_op(const Node& node) {
  return PostOp{.kind = PostOpKind::kElu, .alpha = static_cast<float>(node.attrs<Attributes>().alpha)};
}

}  // namespace

extern const OpDef elu;
const OpDef elu{
    .name = "Elu",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "elu-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Elu", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
