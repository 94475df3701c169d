// Swish: x*sigmoid(beta*x), element by element; beta is the optional second input, 1 without it.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/swish-4.html

#include <algorithm>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  if (has_input(node, inputs, 1) && is_static(inputs[1].type.shape) && element_count(inputs[1].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "beta is {}, expected a single value", to_string(inputs[1].type));
  }
  return {inputs[0].type};
}

std::optional<PostOp> post_op(const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const bool operand =
        std::ranges::any_of(node.post_ops, [&](const PostOp& op) { return op.operand == static_cast<int>(i); });
    if (node.inputs[i] != kNone && !operand) {
      return std::nullopt;  // beta is an input: its value is not known here
    }
  }
  return PostOp{.kind = PostOpKind::kSwish, .alpha = 1};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const double beta = has_input(inputs, 1) ? to_doubles(inputs[1]).at(0) : 1;
  std::vector<double> values = to_doubles(inputs[0]);
  const PostOp swish{.kind = PostOpKind::kSwish, .alpha = static_cast<float>(beta)};
  std::ranges::transform(values, values.begin(), [&](double x) { return apply(swish, x); });
  store(outputs[0], values);
}

}  // namespace

extern const OpDef swish;
const OpDef swish{
    .name = "Swish",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "swish-4.html",
    .inputs = {1, 2},
    .openvino = {.type = "Swish", .versions = {4}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
