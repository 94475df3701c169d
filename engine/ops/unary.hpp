// What unary element-wise operators share: the output has the input's type, a formula is applied to every element.
#pragma once

#include <cstdint>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

std::vector<TensorType> infer_unary(const Node& node, std::span<const InputInfo> inputs);

/// Applies node.op->as_post_op(node) to every element.
void reference_unary(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs);

/// Applies a formula to every element; integer tensors go through `integer` when it is given, so that they stay exact.
void map_elements(const ConstTensorView& input, const TensorView& output, double (*real)(double),
                  std::int64_t (*integer)(std::int64_t) = nullptr);

}  // namespace fovea::ops
