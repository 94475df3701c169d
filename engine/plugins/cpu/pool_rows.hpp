// Maxima over windows of a picture that lies channels last. Each instruction set has its own copy.
#pragma once

#include <cstdint>

#include "engine/ops/spatial.hpp"

namespace fovea::cpu {

/// One row of results and the input rows it is made of.
struct MaximumRow {
  const float* src = nullptr;   ///< First pixel of the first input row that is read.
  std::int64_t src_stride = 0;  ///< Floats from pixel to pixel.
  std::int64_t row_stride = 0;  ///< Floats from input row to the next that is read.
  std::int64_t rows = 1;        ///< That are read, at least one.
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
  std::int64_t channels = 0;
};

/// dst[x, c] = the largest of the window's values; one that is NaN counts as the reference interpreter counts it: only
/// where it comes first. \param columns  Every window has a column inside the picture.
void maximum_row(const MaximumRow& row, const ops::Window& columns);

}  // namespace fovea::cpu
