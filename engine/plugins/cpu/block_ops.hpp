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

/// sum[i] = Σ weights[t] · rows[t][i] for i < count, in the order of t.
void weigh_rows(const float* const* rows, const float* weights, std::size_t row_count, std::size_t count, float* sum);

}  // namespace fovea::cpu
