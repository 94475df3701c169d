// The formulas of element-wise operators and of post-ops, in one place, and numpy broadcasting.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea {

/// The post-op's formula for one element; `operand` matters for kAdd, kMultiply and kPRelu only.
double apply(const PostOp& op, double x, double operand = 0);

/// Common shape of two shapes under numpy rules; extents may be dynamic.
/// \throws Error{kInvalidModel} when they do not broadcast.
Shape broadcast_shapes(const Shape& a, const Shape& b);

/// Visits the elements of an output shape together with broadcast inputs.
class Broadcast {
 public:
  /// \param input broadcasts to `output` (numpy rules).
  Broadcast(const Shape& input, const Shape& output);

  /// Flat index into the input for a flat index into the output.
  [[nodiscard]] std::size_t operator()(std::size_t output_index) const;

 private:
  Shape output_strides_;  ///< Of the output's axes after merging neighbours.
  Shape input_strides_;   ///< 0 along broadcast axes.
};

/// Applies a node's post-ops in place to `output`.
/// \param inputs views of all the node's inputs, operands included.
void apply_post_ops(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output);

}  // namespace fovea
