// What unary element-wise operators share: the output has the input's type, the formula is that of their post-op.
#pragma once

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

std::vector<TensorType> infer_unary(const Node& node, std::span<const InputInfo> inputs);

/// Applies node.op->as_post_op(node) to every element.
void reference_unary(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs);

}  // namespace fovea::ops
