// The bins of AdaptiveAvgPool and AdaptiveMaxPool: part i of an axis is [floor(i*in/out), ceil((i+1)*in/out)).
#pragma once

#include <vector>

#include "engine/ops/movement.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

/// [N, C] of the data, then the extents asked for.
inline Shape adaptive_shape(const Shape& data, const std::vector<std::int64_t>& spatial) {
  check_rank(data, 3, 5, "data");
  if (spatial.size() + 2 != data.size()) {
    fail(ErrorCode::kInvalidModel, "the output shape has {} values, expected {}, one per spatial axis", spatial.size(),
         data.size() - 2);
  }
  Shape shape = {data[0], data[1]};
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    check_range(spatial[i], 1, kMaxAttribute, "an output extent");
    if (data[i + 2] != kDynamic) {
      check_range(data[i + 2], 1, kMaxAttribute, "a spatial extent");
    }
    shape.push_back(spatial[i]);
  }
  return shape;
}

/// Calls visit(std::size_t plane, const std::vector<std::size_t>& offsets) for each output element in row-major order:
/// flat index of the channel's first element, and the bin's elements relative to it, row-major.
template <class Visit>
void for_each_bin(const Shape& input, const Shape& output, Visit visit) {
  const Shape extents(input.begin() + 2, input.end());
  const Shape parts(output.begin() + 2, output.end());
  const Shape strides = row_major_strides(extents);
  const std::size_t plane = element_count(extents);
  const std::size_t bins = element_count(parts);
  const std::size_t planes = count_between(input, 0, 2);
  for (std::size_t i = 0; i < planes; ++i) {
    Shape position(parts.size(), 0);
    for (std::size_t bin = 0; bin < bins; ++bin) {
      std::vector<std::size_t> offsets = {0};
      for (std::size_t axis = 0; axis < parts.size(); ++axis) {
        const std::int64_t first = position[axis] * extents[axis] / parts[axis];
        const std::int64_t last = ((position[axis] + 1) * extents[axis] + parts[axis] - 1) / parts[axis];
        std::vector<std::size_t> finer;
        for (const std::size_t offset : offsets) {
          for (std::int64_t k = first; k < last; ++k) {
            finer.push_back(offset + static_cast<std::size_t>(k * strides[axis]));
          }
        }
        offsets = std::move(finer);
      }
      visit(i * plane, offsets);
      next_index(position, parts);
    }
  }
}

}  // namespace fovea::ops
