// Copies between NCHW and NHWC.
#include <algorithm>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kTile = 32;  // 2 · 32² floats are 8 KiB

/// dst[column][row] = src[row][column] for the tiles [first, last) of columns, in squares that fit the first-level
/// cache.
void transpose(const float* src, float* dst, std::int64_t rows, std::int64_t columns, std::int64_t first,
               std::int64_t last) {
  for (std::int64_t tile = first; tile < last; ++tile) {
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
  return [=](Team& team) {
    const std::int64_t rows = to_last ? channels : pixels;
    const std::int64_t columns = to_last ? pixels : channels;
    for (std::int64_t n = 0; n < batch; ++n) {
      const std::int64_t offset = n * channels * pixels;
      team.each((columns + kTile - 1) / kTile, kTile * rows,
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  transpose(src + offset, dst + offset, rows, columns, first, last);
                });
    }
  };
}

BoundStep bind_steps_to_floats(const Shape& shape, const Form& from, const std::uint8_t* stored, float* x) {
  const Runs runs = divide_into_runs(shape, from.layout == Layout::kChannelsLast, from.steps.scale.size());
  return [=, steps = from.steps](Team& team) {
    team.each((runs.total + runs.length - 1) / runs.length, runs.length,
              [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                for (std::int64_t run = first; run < last; ++run) {
                  const std::int64_t begin = run * runs.length;
                  const std::int64_t end = std::min(begin + runs.length, runs.total);
                  const float* const scale = &steps.scale[runs.factor_of(run)];
#pragma omp simd
                  for (std::int64_t i = begin; i < end; ++i) {
                    x[i] = static_cast<float>(stored[i] - steps.zero) * scale[(i - begin) * runs.stride];
                  }
                }
              });
  };
}

}  // namespace fovea::cpu
