// Walks an output tensor in memory order together with operands that broadcast to it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// Rows of the output (contiguous runs of `row` elements) and, per operand, where each row's values lie.
/// Axes that are contiguous for the output and all operands are merged, so rows are as long as possible.
class RowIteration {
 public:
  struct OperandShape {
    Shape shape;
    Layout layout = Layout::kPlain;
  };

  RowIteration(const Shape& output, Layout layout, std::span<const OperandShape> operands);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t row_length() const { return extents_.back(); }
  /// Distance between neighbours of a row in operand `k`: 0, 1 or more.
  [[nodiscard]] std::int64_t inner_stride(std::size_t k) const { return strides_[k].back(); }
  /// First element of row `row` in operand `k`.
  [[nodiscard]] std::int64_t offset(std::size_t k, std::int64_t row) const;

 private:
  std::vector<std::int64_t> extents_;               ///< Outermost first, in memory order of the output.
  std::vector<std::vector<std::int64_t>> strides_;  ///< Per operand, per extent.
  std::int64_t rows_ = 1;
};

}  // namespace fovea::cpu
