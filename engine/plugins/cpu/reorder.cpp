// Copies between NCHW and NHWC. Four values at a time are enough: the caches' bandwidth is the limit.
#include <algorithm>

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

/// dst[column][row] = src[row][column], in tiles that fit the first-level cache.
void transpose(const float* src, float* dst, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kTile = 32;  // 2 · 32² floats are 8 KiB
  const std::int64_t row_tiles = (rows + kTile - 1) / kTile;
  const std::int64_t tiles = row_tiles * ((columns + kTile - 1) / kTile);
#pragma omp parallel for schedule(static) if (tiles > 4)
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t row = tile % row_tiles * kTile;
    const std::int64_t column = tile / row_tiles * kTile;
    transpose_tile(src, dst, rows, columns, row, std::min(rows, row + kTile), column,
                   std::min(columns, column + kTile));
  }
}

/// Three planes become pixels of three values: pictures at the models' inputs.
void interleave_three(const float* src, float* dst, std::int64_t pixels) {
  const std::int64_t whole = pixels / kLanes * kLanes;
#pragma omp parallel for schedule(static) if (pixels > 4096)
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    hn::StoreInterleaved3(hn::LoadU(kFour, src + i), hn::LoadU(kFour, src + pixels + i),
                          hn::LoadU(kFour, src + 2 * pixels + i), kFour, dst + 3 * i);
  }
  for (std::int64_t i = whole; i < pixels; ++i) {
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

HWY_EXPORT(transpose);
HWY_EXPORT(interleave_three);

}  // namespace

BoundStep bind_reorder(const Shape& shape, Layout from, const float* src, float* dst) {
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape[2] * shape[3];
  const std::int64_t batch = shape[0];
  const bool to_last = from == Layout::kPlain;
  return [=] {
    for (std::int64_t n = 0; n < batch; ++n) {
      const std::int64_t offset = n * channels * pixels;
      if (to_last && channels == 3) {
        HWY_DYNAMIC_DISPATCH(interleave_three)(src + offset, dst + offset, pixels);
      } else {
        HWY_DYNAMIC_DISPATCH(transpose)
        (src + offset, dst + offset, to_last ? channels : pixels, to_last ? pixels : channels);
      }
    }
  };
}

}  // namespace fovea::cpu
#endif
