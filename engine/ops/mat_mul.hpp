// The attributes of MatMul, for kernels and passes.
#pragma once

namespace fovea::ops {

struct MatMulAttributes {
  bool transpose_a = false;  ///< Swaps the last two axes of the first input; a vector is never transposed.
  bool transpose_b = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("transpose_a", transpose_a);
    visit("transpose_b", transpose_b);
  }
  bool operator==(const MatMulAttributes&) const = default;
};

}  // namespace fovea::ops
