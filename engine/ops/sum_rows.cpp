// Compiled once for each instruction set (Highway).
#include "engine/ops/sum_rows.hpp"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/sum_rows.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<double> kF64;
using V = hn::Vec<decltype(kF64)>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(kF64));
constexpr int kWide = 3;     ///< Vectors of positions and …
constexpr int kFilters = 4;  ///< … filters at once: 12 sums fit into 16 registers.
static_assert(kWide * kLanes <= kRowSlack);

/// The sums of kCount filters at kWide vectors of positions from `at` on.
template <int kCount>
HWY_INLINE void sum_block(std::span<const double* const> rows, const double* weights, std::int64_t at,
                          std::int64_t count, double* out, std::int64_t out_stride) {
  V sums[kCount][kWide];
  for (auto& filter : sums) {
    std::fill(std::begin(filter), std::end(filter), hn::Zero(kF64));
  }
  const std::size_t length = rows.size();
  for (std::size_t l = 0; l < length; ++l) {
    V values[kWide];
    for (int w = 0; w < kWide; ++w) {
      values[w] = hn::LoadU(kF64, rows[l] + at + w * kLanes);
    }
    for (int f = 0; f < kCount; ++f) {
      const V weight = hn::Set(kF64, weights[static_cast<std::size_t>(f) * length + l]);
      for (int w = 0; w < kWide; ++w) {
        sums[f][w] = hn::MulAdd(weight, values[w], sums[f][w]);
      }
    }
  }
  for (int f = 0; f < kCount; ++f) {
    HWY_ALIGN double block[kWide * kLanes];
    for (int w = 0; w < kWide; ++w) {
      hn::Store(sums[f][w], kF64, block + w * kLanes);
    }
    std::copy_n(block, std::min(kWide * kLanes, count - at), out + f * out_stride + at);
  }
}

void sum_all(std::span<const double* const> rows, const double* weights, std::int64_t filters, std::int64_t count,
             double* out, std::int64_t out_stride) {
  const auto length = static_cast<std::int64_t>(rows.size());
  for (std::int64_t at = 0; at < count; at += kWide * kLanes) {
    std::int64_t f = 0;
    for (; f + kFilters <= filters; f += kFilters) {
      sum_block<kFilters>(rows, weights + f * length, at, count, out + f * out_stride, out_stride);
    }
    for (; f < filters; ++f) {
      sum_block<1>(rows, weights + f * length, at, count, out + f * out_stride, out_stride);
    }
  }
}

}  // namespace fovea::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::ops {

HWY_EXPORT(sum_all);

void sum_rows(std::span<const double* const> rows, const double* weights, std::int64_t filters, std::int64_t count,
              double* out, std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(sum_all)(rows, weights, filters, count, out, out_stride);
}

}  // namespace fovea::ops
#endif
