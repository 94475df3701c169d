// Element-wise formulas over short blocks of floats, written so that the compiler vectorises them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/graph/graph.hpp"

namespace fovea::cpu {

/// A formula: one of the post-ops, or a binary operator that is none.
enum class BlockOpKind : std::uint8_t { kPostOp, kSubtract, kDivide, kMaximum, kMinimum, kSquaredDifference };

struct BlockOp {
  BlockOpKind kind = BlockOpKind::kPostOp;
  PostOp post_op;  ///< For kPostOp: formula and constants.
};

/// x[i] = op(x[i], operand[i · stride]) for i < count.
/// \param operand  Ignored by formulas without operand; `stride` is 0 for one value, 1 for a row, or any distance.
/// \note Functions are within 16 roundings of the exact value, sigmoid, swish and mish within 16 + |x| (tested).
void apply_block(const BlockOp& op, float* x, const float* operand, std::ptrdiff_t stride, std::size_t count);

/// x[i] = stored[i] for i < count; `stored` are the upper halves of floats.
void widen_bf16(const std::uint16_t* stored, float* x, std::size_t count);

/// stored[i] = x[i] rounded to the nearest bf16, ties to even; below 2^-126 perhaps to zero. NaN stays NaN.
void narrow_bf16(const float* x, std::uint16_t* stored, std::size_t count);

/// sum[i] = Σ weights[t] · rows[t][i] for i < count, in the order of t.
void weigh_rows(const float* const* rows, const float* weights, std::size_t row_count, std::size_t count, float* sum);

}  // namespace fovea::cpu
