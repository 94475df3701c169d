// Copies between NCHW and NHWC.
#include <algorithm>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

/// dst[column][row] = src[row][column], in tiles that fit the first-level cache.
void transpose(const float* src, float* dst, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kTile = 32;  // 2 · 32² floats are 8 KiB
  const std::int64_t tiles = (columns + kTile - 1) / kTile;
#pragma omp parallel for schedule(static)
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t column_end = std::min(columns, (tile + 1) * kTile);
    for (std::int64_t row_begin = 0; row_begin < rows; row_begin += kTile) {
      const std::int64_t row_end = std::min(rows, row_begin + kTile);
      for (std::int64_t column = tile * kTile; column < column_end; ++column) {
        for (std::int64_t row = row_begin; row < row_end; ++row) {
          dst[column * rows + row] = src[row * columns + column];
        }
      }
    }
  }
}

}  // namespace

BoundStep bind_reorder(const Shape& shape, Layout from, const float* src, float* dst) {
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape[2] * shape[3];
  const std::int64_t batch = shape[0];
  const bool to_last = from == Layout::kPlain;
  return [=] {
    for (std::int64_t n = 0; n < batch; ++n) {
      const std::int64_t offset = n * channels * pixels;
      transpose(src + offset, dst + offset, to_last ? channels : pixels, to_last ? pixels : channels);
    }
  };
}

}  // namespace fovea::cpu
