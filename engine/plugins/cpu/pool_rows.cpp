// Compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/pool_rows.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/pool_rows.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<float> kF32;
using V = hn::Vec<decltype(kF32)>;

/// The largest of `rows` x `columns` values, a vector of channels each.
template <class Load>
HWY_INLINE V largest(const float* first, std::int64_t rows, std::int64_t row_stride, std::int64_t columns,
                     std::int64_t step, Load load) {
  V best = load(first);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* pixel = first + i * row_stride;
    for (std::int64_t j = 0; j < columns; ++j, pixel += step) {
      best = hn::Max(load(pixel), best);
    }
  }
  return best;
}

void run(const MaximumRow& row, const ops::Window& columns) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(kF32));
  const std::int64_t whole = row.channels / lanes * lanes;
  const auto mask = hn::FirstN(kF32, static_cast<std::size_t>(row.channels - whole));
  const std::int64_t step = columns.dilation * row.src_stride;
  for (std::int64_t x = 0; x < columns.output; ++x) {
    const std::int64_t left = x * columns.stride - columns.pad_begin;
    const std::int64_t begin = left >= 0 ? 0 : (-left + columns.dilation - 1) / columns.dilation;
    const std::int64_t end = std::min(columns.kernel, (columns.input - left + columns.dilation - 1) / columns.dilation);
    const float* const first = row.src + (left + begin * columns.dilation) * row.src_stride;
    float* const to = row.dst + x * row.dst_stride;
    for (std::int64_t c = 0; c < whole; c += lanes) {
      hn::StoreU(largest(first + c, row.rows, row.row_stride, end - begin, step,
                         [](const float* at) { return hn::LoadU(kF32, at); }),
                 kF32, to + c);
    }
    if (whole < row.channels) {
      const V best = largest(first + whole, row.rows, row.row_stride, end - begin, step,
                             [mask](const float* at) { return hn::MaskedLoad(mask, kF32, at); });
      hn::BlendedStore(best, mask, kF32, to + whole);
    }
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(run);

}  // namespace

void maximum_row(const MaximumRow& row, const ops::Window& columns) { HWY_DYNAMIC_DISPATCH(run)(row, columns); }

}  // namespace fovea::cpu
#endif
