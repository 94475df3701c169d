#include "engine/plugins/cpu/iteration.hpp"

#include <array>
#include <numeric>

namespace fovea::cpu {
namespace {

/// Logical axes of a tensor, outermost in memory first.
std::vector<std::size_t> memory_order(std::size_t rank, Layout layout) {
  if (layout == Layout::kChannelsLast && rank == 4) {
    return {0, 2, 3, 1};
  }
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// Elements between neighbours along each logical axis.
Shape memory_strides(const Shape& shape, Layout layout) {
  Shape strides(shape.size(), 1);
  std::int64_t stride = 1;
  const std::vector<std::size_t> order = memory_order(shape.size(), layout);
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = stride;
    stride *= shape[order[i]];
  }
  return strides;
}

}  // namespace

RowIteration::RowIteration(const Shape& output, Layout layout, std::span<const OperandShape> operands) {
  strides_.resize(operands.size());
  std::vector<Shape> logical;
  for (const OperandShape& operand : operands) {
    const Shape strides = memory_strides(operand.shape, operand.layout);
    Shape aligned(output.size(), 0);
    const std::size_t lead = output.size() - operand.shape.size();
    for (std::size_t i = 0; i < operand.shape.size(); ++i) {
      aligned[lead + i] = operand.shape[i] == 1 ? 0 : strides[i];
    }
    logical.push_back(std::move(aligned));
  }
  for (const std::size_t axis : memory_order(output.size(), layout)) {
    const std::int64_t extent = output[axis];
    if (extent == 1) {
      continue;
    }
    bool merge = !extents_.empty();
    for (std::size_t k = 0; k < operands.size() && merge; ++k) {
      merge = strides_[k].back() == logical[k][axis] * extent;
    }
    if (merge) {
      extents_.back() *= extent;
    } else {
      extents_.push_back(extent);
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (merge) {
        strides_[k].back() = logical[k][axis];
      } else {
        strides_[k].push_back(logical[k][axis]);
      }
    }
  }
  if (extents_.empty()) {  // a single element
    extents_.push_back(1);
    for (auto& strides : strides_) {
      strides.push_back(0);
    }
  }
  for (std::size_t i = 0; i + 1 < extents_.size(); ++i) {
    rows_ *= extents_[i];
  }
}

std::int64_t RowIteration::offset(std::size_t k, std::int64_t row) const {
  std::int64_t offset = 0;
  for (std::size_t i = extents_.size() - 1; i-- > 0;) {
    offset += row % extents_[i] * strides_[k][i];
    row /= extents_[i];
  }
  return offset;
}

}  // namespace fovea::cpu
