#include "engine/ops/unary.hpp"

#include <algorithm>

#include "engine/ops/elementwise.hpp"

namespace fovea::ops {

std::vector<TensorType> infer_unary(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {inputs[0].type};
}

void reference_unary(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const PostOp op = node.op->as_post_op(node).value();
  if (!is_float(inputs[0].type.data_type) && op.kind == PostOpKind::kRelu && op.alpha == 0) {
    std::vector<std::int64_t> values = to_ints(inputs[0]);
    std::ranges::transform(values, values.begin(), [](std::int64_t x) { return std::max<std::int64_t>(x, 0); });
    store(outputs[0], values);
    return;
  }
  std::vector<double> values = to_doubles(inputs[0]);
  std::ranges::transform(values, values.begin(), [&](double x) { return apply(op, x); });
  store(outputs[0], values);
}

void map_elements(const ConstTensorView& input, const TensorView& output, double (*real)(double),
                  std::int64_t (*integer)(std::int64_t)) {
  if (integer != nullptr && !is_float(input.type.data_type)) {
    std::vector<std::int64_t> values = to_ints(input);
    std::ranges::transform(values, values.begin(), integer);
    store(output, values);
    return;
  }
  std::vector<double> values = to_doubles(input);
  std::ranges::transform(values, values.begin(), real);
  store(output, values);
}

}  // namespace fovea::ops
