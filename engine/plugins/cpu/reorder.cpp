// Copies between NCHW and NHWC. Four values at a time are enough: the caches' bandwidth is the limit.
#include <algorithm>

#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/kernel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/reorder.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kTile = 32;  // 2 · 32² floats are 8 KiB and fit the first-level cache
constexpr hn::CappedTag<float, 4> kFour;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(kFour));

#if HWY_TARGET == HWY_SCALAR
void transpose_block(const float* src, std::int64_t /*src_stride*/, float* dst, std::int64_t /*dst_stride*/) {
  *dst = *src;
}
#else
static_assert(kLanes == 4);

/// dst[c][r] = src[r][c] for kLanes rows and columns.
void transpose_block(const float* src, std::int64_t src_stride, float* dst, std::int64_t dst_stride) {
  const auto r0 = hn::LoadU(kFour, src);
  const auto r1 = hn::LoadU(kFour, src + src_stride);
  const auto r2 = hn::LoadU(kFour, src + 2 * src_stride);
  const auto r3 = hn::LoadU(kFour, src + 3 * src_stride);
  const auto low01 = hn::InterleaveLower(kFour, r0, r1);
  const auto high01 = hn::InterleaveUpper(kFour, r0, r1);
  const auto low23 = hn::InterleaveLower(kFour, r2, r3);
  const auto high23 = hn::InterleaveUpper(kFour, r2, r3);
  hn::StoreU(hn::ConcatLowerLower(kFour, low23, low01), kFour, dst);
  hn::StoreU(hn::ConcatUpperUpper(kFour, low23, low01), kFour, dst + dst_stride);
  hn::StoreU(hn::ConcatLowerLower(kFour, high23, high01), kFour, dst + 2 * dst_stride);
  hn::StoreU(hn::ConcatUpperUpper(kFour, high23, high01), kFour, dst + 3 * dst_stride);
}
#endif

void transpose_tile(const float* src, float* dst, std::int64_t rows, std::int64_t columns, std::int64_t row_begin,
                    std::int64_t row_end, std::int64_t column_begin, std::int64_t column_end) {
  for (std::int64_t column = column_begin; column < column_end; column += kLanes) {
    for (std::int64_t row = row_begin; row < row_end; row += kLanes) {
      if (column + kLanes <= column_end && row + kLanes <= row_end) {
        transpose_block(src + row * columns + column, columns, dst + column * rows + row, rows);
        continue;
      }
      for (std::int64_t c = column; c < std::min(column + kLanes, column_end); ++c) {
        for (std::int64_t r = row; r < std::min(row + kLanes, row_end); ++r) {
          dst[c * rows + r] = src[r * columns + c];
        }
      }
    }
  }
}

std::int64_t count_tiles(std::int64_t rows, std::int64_t columns) {
  return ((rows + kTile - 1) / kTile) * ((columns + kTile - 1) / kTile);
}

/// dst[column][row] = src[row][column] for the tiles [first, last), in the order of columns.
void transpose(const float* src, float* dst, std::int64_t rows, std::int64_t columns, std::int64_t first,
               std::int64_t last) {
  const std::int64_t row_tiles = (rows + kTile - 1) / kTile;
  for (std::int64_t tile = first; tile < last; ++tile) {
    const std::int64_t row = tile % row_tiles * kTile;
    const std::int64_t column = tile / row_tiles * kTile;
    transpose_tile(src, dst, rows, columns, row, std::min(rows, row + kTile), column,
                   std::min(columns, column + kTile));
  }
}

/// Three planes become pixels of three values, pixels [first, last): pictures at the models' inputs.
void interleave_three(const float* src, float* dst, std::int64_t pixels, std::int64_t first, std::int64_t last) {
  std::int64_t i = first;
  for (; i + kLanes <= last; i += kLanes) {
    hn::StoreInterleaved3(hn::LoadU(kFour, src + i), hn::LoadU(kFour, src + pixels + i),
                          hn::LoadU(kFour, src + 2 * pixels + i), kFour, dst + 3 * i);
  }
  for (; i < last; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) {
      dst[3 * i + c] = src[c * pixels + i];
    }
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(count_tiles);
HWY_EXPORT(transpose);
HWY_EXPORT(interleave_three);

}  // namespace

BoundStep bind_reorder(const Shape& shape, Layout from, const float* src, float* dst) {
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape[2] * shape[3];
  const std::int64_t batch = shape[0];
  const bool to_last = from == Layout::kPlain;
  return [=](Team& team) {
    const std::int64_t rows = to_last ? channels : pixels;
    const std::int64_t columns = to_last ? pixels : channels;
    const std::int64_t tiles = HWY_DYNAMIC_DISPATCH(count_tiles)(rows, columns);
    for (std::int64_t n = 0; n < batch; ++n) {
      const float* const from_picture = src + n * channels * pixels;
      float* const to_picture = dst + n * channels * pixels;
      if (to_last && channels == 3) {
        team.each(pixels, 3, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
          HWY_DYNAMIC_DISPATCH(interleave_three)(from_picture, to_picture, pixels, first, last);
        });
      } else {
        team.each(tiles, rows * columns / tiles, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
          HWY_DYNAMIC_DISPATCH(transpose)(from_picture, to_picture, rows, columns, first, last);
        });
      }
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

BoundStep bind_byte_reorder(const Shape& shape, Layout from, const std::uint8_t* src, std::uint8_t* dst) {
  const bool to_last = from == Layout::kPlain;
  return [=, batch = shape[0], channels = shape[1], pixels = shape[2] * shape[3]](Team& team) {
    const std::int64_t rows = to_last ? channels : pixels;
    const std::int64_t columns = to_last ? pixels : channels;
    team.each(batch, rows * columns / 4, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      for (std::int64_t n = first; n < last; ++n) {
        transpose_bytes(src + n * rows * columns, dst + n * rows * columns, rows, columns);
      }
    });
  };
}

}  // namespace fovea::cpu
#endif
