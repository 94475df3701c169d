#include "engine/ops/unary.hpp"

#include <algorithm>

#include "engine/ops/elementwise.hpp"

namespace fovea::ops {

std::vector<TensorType> infer_unary(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {inputs[0].type};
}

void reference_unary(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const PostOp op = node.op->as_post_op(node).value();
  std::vector<double> values = to_doubles(inputs[0]);
  std::ranges::transform(values, values.begin(), [&](double x) { return apply(op, x); });
  store(outputs[0], values);
}

}  // namespace fovea::ops
