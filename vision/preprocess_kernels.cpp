// The vectorised inner loops of preprocessing: this file is compiled once for each instruction set (Highway).
#include "vision/preprocess_kernels.hpp"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "vision/preprocess_kernels.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::preprocess::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<std::int16_t> kI16;
constexpr hn::Rebind<std::uint8_t, decltype(kI16)> kBytes;  // As many bytes as int16 lanes.
constexpr hn::ScalableTag<float> kF32;
constexpr hn::RebindToSigned<decltype(kF32)> kI32;
constexpr hn::Rebind<std::uint8_t, decltype(kF32)> kPackedU8;

/// 128·top + (128·(bottom − top)·weight) / 32768, rounded to nearest.
template <class Bytes, class Weight>
HWY_INLINE hn::Vec<decltype(kI16)> blend(Bytes top, Bytes bottom, Weight weight) {
  const auto wide_top = hn::PromoteTo(kI16, top);
  const auto difference = hn::Sub(hn::PromoteTo(kI16, bottom), wide_top);
  return hn::Add(hn::ShiftLeft<7>(wide_top), hn::MulFixedPoint15(hn::ShiftLeft<7>(difference), weight));
}

template <int kStep>
HWY_INLINE void blend_block(const std::uint8_t* top, const std::uint8_t* bottom, hn::Vec<decltype(kI16)> weight,
                            std::size_t at, const std::array<std::int16_t*, 3>& out) {
  using V = hn::Vec<decltype(kBytes)>;
  V t0;
  V t1;
  V t2;
  V t3;
  V b0;
  V b1;
  V b2;
  V b3;
  const std::uint8_t* t = top + at * kStep;
  const std::uint8_t* b = bottom + at * kStep;
  if constexpr (kStep == 1) {
    t0 = hn::LoadU(kBytes, t);
    b0 = hn::LoadU(kBytes, b);
  } else if constexpr (kStep == 2) {
    hn::LoadInterleaved2(kBytes, t, t0, t1);
    hn::LoadInterleaved2(kBytes, b, b0, b1);
  } else if constexpr (kStep == 3) {
    hn::LoadInterleaved3(kBytes, t, t0, t1, t2);
    hn::LoadInterleaved3(kBytes, b, b0, b1, b2);
  } else {
    hn::LoadInterleaved4(kBytes, t, t0, t1, t2, t3);
    hn::LoadInterleaved4(kBytes, b, b0, b1, b2, b3);
  }
  hn::StoreU(blend(t0, b0, weight), kI16, out[0] + at);
  if constexpr (kStep >= 2) {
    hn::StoreU(blend(t1, b1, weight), kI16, out[1] + at);
  }
  if constexpr (kStep >= 3) {
    hn::StoreU(blend(t2, b2, weight), kI16, out[2] + at);
  }
}

template <int kStep>
void blend_rows_of(const std::uint8_t* top, const std::uint8_t* bottom, int weight, std::size_t count,
                   const std::array<std::int16_t*, 3>& out) {
  const std::size_t lanes = hn::Lanes(kI16);
  if (count < lanes) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < std::min(kStep, 3); ++c) {
        const int t = top[i * kStep + c];
        const int difference = bottom[i * kStep + c] - t;
        // The same rounding as MulFixedPoint15, so that narrow rows give the same values.
        out[c][i] = static_cast<std::int16_t>(t * 128 + ((difference * 128 * weight + 16384) >> 15));
      }
    }
    return;
  }
  const auto weights = hn::Set(kI16, static_cast<std::int16_t>(weight));
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    blend_block<kStep>(top, bottom, weights, i, out);
  }
  if (i < count) {  // The last block overlaps the one before: nothing beyond the row is read.
    blend_block<kStep>(top, bottom, weights, count - lanes, out);
  }
}

void blend_rows(const std::uint8_t* top, const std::uint8_t* bottom, int step, int weight, std::size_t count,
                const std::array<std::int16_t*, 3>& out) {
  switch (step) {
    case 1:
      return blend_rows_of<1>(top, bottom, weight, count, out);
    case 2:
      return blend_rows_of<2>(top, bottom, weight, count, out);
    case 3:
      return blend_rows_of<3>(top, bottom, weight, count, out);
    default:
      return blend_rows_of<4>(top, bottom, weight, count, out);
  }
}

/// Both samples of the columns from `at` on, side by side in one 32-bit lane each.
HWY_INLINE hn::Vec<decltype(kI32)> fetch_pairs(const std::int16_t* row, const ColumnTable& columns, std::size_t at) {
  const auto offsets = hn::LoadU(kI32, columns.offset_bytes + at);
#if HWY_TARGET == HWY_AVX3
  // A permutation of 64 neighbours costs a fraction of a gather; Highway 1.0 has none over two vectors of int16.
  if (HWY_LIKELY(columns.window <= kPermutedSamples)) {
    const std::int32_t base = columns.offset_bytes[at];
    const auto position = hn::ShiftRight<1>(hn::Sub(offsets, hn::Set(kI32, base)));
    const auto index = hn::Add(hn::Or(position, hn::ShiftLeft<16>(position)), hn::Set(kI32, 1 << 16));
    const std::int16_t* window = row + base / 2;
    const auto low = hn::LoadU(kI16, window);
    const auto high = hn::LoadU(kI16, window + hn::Lanes(kI16));
    return hn::Vec<decltype(kI32)>{_mm512_permutex2var_epi16(low.raw, index.raw, high.raw)};
  }
#endif
  return hn::GatherOffset(kI32, reinterpret_cast<const std::int32_t*>(row), offsets);
}

/// Σ of the two weighted samples of each column, as float.
HWY_INLINE hn::Vec<decltype(kF32)> sample(const std::int16_t* row, const ColumnTable& columns, std::size_t at) {
  const auto pairs = fetch_pairs(row, columns, at);
  const auto weights = hn::LoadU(kI32, columns.weights + at);
#if HWY_TARGET == HWY_SCALAR
  // One int16 lane is half an int32 lane there, so the pairs cannot be taken apart by type.
  const auto first = hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs));
  const auto first_weight = hn::ShiftRight<16>(hn::ShiftLeft<16>(weights));
  return hn::ConvertTo(
      kF32, hn::Add(hn::Mul(first, first_weight), hn::Mul(hn::ShiftRight<16>(pairs), hn::ShiftRight<16>(weights))));
#else
  auto odd = hn::Zero(kI32);
  const auto even =
      hn::ReorderWidenMulAccumulate(kI32, hn::BitCast(kI16, pairs), hn::BitCast(kI16, weights), hn::Zero(kI32), odd);
  return hn::ConvertTo(kF32, hn::RearrangeToOddPlusEven(even, odd));
#endif
}

HWY_INLINE void store_lanes(hn::Vec<decltype(kF32)> value, float* out) { hn::StoreU(value, kF32, out); }

HWY_INLINE void store_lanes(hn::Vec<decltype(kF32)> value, std::uint8_t* out) {
  const auto clamped = hn::Min(hn::Max(value, hn::Zero(kF32)), hn::Set(kF32, 255.0F));
  hn::StoreU(hn::DemoteTo(kPackedU8, hn::NearestInt(clamped)), kPackedU8, out);
}

template <int kPlanes, int kChannels, class T>
HWY_INLINE void convert_block(const RowJob& job, std::size_t at, const std::array<T*, 3>& out) {
  const auto s0 = sample(job.rows[0], job.columns[0], at);
  auto s1 = s0;
  auto s2 = s0;
  if constexpr (kPlanes == 3) {
    s1 = sample(job.rows[1], job.columns[1], at);
    s2 = sample(job.rows[2], job.columns[2], at);
  }
  for (std::size_t c = 0; c < kChannels; ++c) {
    auto pixel = hn::MulAdd(s0, hn::Set(kF32, job.matrix[c][0]), hn::Set(kF32, job.offset[c]));
    if constexpr (kPlanes == 3) {
      pixel = hn::MulAdd(s1, hn::Set(kF32, job.matrix[c][1]), pixel);
      pixel = hn::MulAdd(s2, hn::Set(kF32, job.matrix[c][2]), pixel);
    }
    pixel = hn::Min(hn::Max(pixel, hn::Zero(kF32)), hn::Set(kF32, 255.0F));
    store_lanes(hn::MulAdd(pixel, hn::Set(kF32, job.gain[c]), hn::Set(kF32, job.bias[c])), out[c]);
  }
}

template <int kPlanes, int kChannels, class T>
void convert_row_of(const RowJob& job, const std::array<T*, 3>& out) {
  const std::size_t lanes = hn::Lanes(kF32);
  if (job.count < lanes) {
    HWY_ALIGN T block[3][hn::MaxLanes(kF32)];
    convert_block<kPlanes, kChannels, T>(job, 0, {block[0], block[1], block[2]});
    for (std::size_t c = 0; c < kChannels; ++c) {
      std::memcpy(out[c], block[c], job.count * sizeof(T));
    }
    return;
  }
  const auto convert_at = [&](std::size_t at) {
    std::array<T*, 3> destination{};
    for (std::size_t c = 0; c < kChannels; ++c) {
      destination[c] = out[c] + at;
    }
    convert_block<kPlanes, kChannels, T>(job, at, destination);
  };
  std::size_t i = 0;
  for (; i + lanes <= job.count; i += lanes) {
    convert_at(i);
  }
  if (i < job.count) {  // The last block overlaps the one before: nothing beyond the row is written.
    convert_at(job.count - lanes);
  }
}

template <class T>
void convert_any(const RowJob& job, const std::array<T*, 3>& out) {
  if (job.planes == 3) {
    return job.channels == 3 ? convert_row_of<3, 3>(job, out) : convert_row_of<3, 1>(job, out);
  }
  return job.channels == 3 ? convert_row_of<1, 3>(job, out) : convert_row_of<1, 1>(job, out);
}

void convert_row_f32(const RowJob& job, const std::array<float*, 3>& out) { convert_any(job, out); }
void convert_row_u8(const RowJob& job, const std::array<std::uint8_t*, 3>& out) { convert_any(job, out); }

template <class D>
void interleave_any(D tag, const std::array<const hn::TFromD<D>*, 3>& source, hn::TFromD<D>* destination,
                    std::size_t count) {
  const std::size_t lanes = hn::Lanes(tag);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreInterleaved3(hn::LoadU(tag, source[0] + i), hn::LoadU(tag, source[1] + i), hn::LoadU(tag, source[2] + i),
                          tag, destination + 3 * i);
  }
  for (; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      destination[3 * i + c] = source[c][i];
    }
  }
}

void interleave_f32(const std::array<const float*, 3>& source, float* destination, std::size_t count) {
  interleave_any(kF32, source, destination, count);
}

void interleave_u8(const std::array<const std::uint8_t*, 3>& source, std::uint8_t* destination, std::size_t count) {
  interleave_any(hn::ScalableTag<std::uint8_t>(), source, destination, count);
}

}  // namespace fovea::preprocess::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::preprocess {

HWY_EXPORT(blend_rows);
HWY_EXPORT(convert_row_f32);
HWY_EXPORT(convert_row_u8);
HWY_EXPORT(interleave_f32);
HWY_EXPORT(interleave_u8);

void blend_rows(const std::uint8_t* top, const std::uint8_t* bottom, int step, int weight, std::size_t count,
                const std::array<std::int16_t*, 3>& out) {
  HWY_DYNAMIC_DISPATCH(blend_rows)(top, bottom, step, weight, count, out);
}

void convert_row(const RowJob& job, const std::array<float*, 3>& out) {
  HWY_DYNAMIC_DISPATCH(convert_row_f32)(job, out);
}

void convert_row(const RowJob& job, const std::array<std::uint8_t*, 3>& out) {
  HWY_DYNAMIC_DISPATCH(convert_row_u8)(job, out);
}

void interleave(const std::array<const float*, 3>& source, float* destination, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(interleave_f32)(source, destination, count);
}

void interleave(const std::array<const std::uint8_t*, 3>& source, std::uint8_t* destination, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(interleave_u8)(source, destination, count);
}

}  // namespace fovea::preprocess
#endif
