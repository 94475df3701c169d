// Compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/byte_ops.hpp"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/byte_ops.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include "engine/plugins/cpu/byte_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

constexpr auto kStep = static_cast<std::size_t>(kLanes);

void map_rows(const Table& table, const std::uint8_t* from, std::size_t from_apart, std::uint8_t* to,
              std::size_t to_apart, std::size_t rows, std::size_t length) {
#if HWY_TARGET <= HWY_AVX3_DL
  const __m512i t0 = _mm512_loadu_si512(table.data());
  const __m512i t1 = _mm512_loadu_si512(table.data() + 64);
  const __m512i t2 = _mm512_loadu_si512(table.data() + 128);
  const __m512i t3 = _mm512_loadu_si512(table.data() + 192);
  const auto look_up = [&](__m512i x) HWY_ATTR {
    const __m512i low = _mm512_permutex2var_epi8(t0, x, t1);
    const __m512i high = _mm512_permutex2var_epi8(t2, x, t3);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
  };
  const __mmask64 rest = (__mmask64{1} << length % 64) - 1;
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t i = 0;
    for (; i + 64 <= length; i += 64) {
      _mm512_storeu_si512(to + i, look_up(_mm512_loadu_si512(from + i)));
    }
    if (rest != 0) {
      _mm512_mask_storeu_epi8(to + i, rest, look_up(_mm512_maskz_loadu_epi8(rest, from + i)));
    }
    from += from_apart;
    to += to_apart;
  }
#else
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < length; ++i) {
      to[row * to_apart + i] = table[from[row * from_apart + i]];
    }
  }
#endif
}

#if HWY_TARGET == HWY_SCALAR
void transpose_all(const std::uint8_t* from, std::uint8_t* to, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      to[c * rows + r] = from[r * columns + c];
    }
  }
}
#else
constexpr std::int64_t kTile = 16;
constexpr hn::FixedTag<std::uint8_t, kTile> kTileRow;

/// A tile of 16x16: four times, neighbours are those half of the tile apart.
void transpose_tile(const std::uint8_t* from, std::int64_t from_apart, std::uint8_t* to, std::int64_t to_apart) {
  hn::Vec<decltype(kTileRow)> a[kTile];
  hn::Vec<decltype(kTileRow)> b[kTile];
#pragma GCC unroll 16
  for (int i = 0; i < kTile; ++i) {
    a[i] = hn::LoadU(kTileRow, from + i * from_apart);
  }
#pragma GCC unroll 2
  for (int round = 0; round < 2; ++round) {
#pragma GCC unroll 8
    for (int i = 0; i < kTile / 2; ++i) {
      b[2 * i] = hn::InterleaveLower(kTileRow, a[i], a[i + kTile / 2]);
      b[2 * i + 1] = hn::InterleaveUpper(kTileRow, a[i], a[i + kTile / 2]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kTile / 2; ++i) {
      a[2 * i] = hn::InterleaveLower(kTileRow, b[i], b[i + kTile / 2]);
      a[2 * i + 1] = hn::InterleaveUpper(kTileRow, b[i], b[i + kTile / 2]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kTile; ++i) {
    hn::StoreU(a[i], kTileRow, to + i * to_apart);
  }
}

void transpose_all(const std::uint8_t* from, std::uint8_t* to, std::int64_t rows, std::int64_t columns) {
  if (rows < kTile || columns < kTile) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        to[c * rows + r] = from[r * columns + c];
      }
    }
    return;
  }
  // The last tiles overlap those before.
  for (std::int64_t r = 0; r < rows; r += kTile) {
    const std::int64_t row = std::min(r, rows - kTile);
    for (std::int64_t c = 0; c < columns; c += kTile) {
      const std::int64_t column = std::min(c, columns - kTile);
      transpose_tile(from + row * columns + column, columns, to + column * rows + row, rows);
    }
  }
}
#endif

void sum_rows(const std::uint8_t* from, std::int64_t rows, std::int64_t apart, std::int64_t count,
              std::uint32_t* sums) {
  std::fill_n(sums, count, 0U);
  constexpr std::int64_t kSafe = 256;  // rows whose sums 16 bits hold
  for (std::int64_t row = 0; row < rows; row += kSafe) {
    const std::int64_t some = std::min(kSafe, rows - row);
    const std::uint8_t* const first = from + row * apart;
    if (count == kSummedTogether) {
      std::uint16_t partial[kSummedTogether] = {};
      for (std::int64_t r = 0; r < some; ++r) {
        for (std::int64_t c = 0; c < kSummedTogether; ++c) {
          partial[c] = static_cast<std::uint16_t>(partial[c] + first[r * apart + c]);
        }
      }
      for (std::int64_t c = 0; c < kSummedTogether; ++c) {
        sums[c] += partial[c];
      }
      continue;
    }
    for (std::int64_t r = 0; r < some; ++r) {
      for (std::int64_t c = 0; c < count; ++c) {
        sums[c] += first[r * apart + c];
      }
    }
  }
}

/// Reads one vector of an operand, scaled.
template <bool kFloats>
struct Reader {
  const ByteOperand& operand;
  V factor = hn::Set(kF32, operand.factor);
  V shift = hn::Set(kF32, operand.shift);

  HWY_INLINE V operator()(std::size_t i) const {
    if constexpr (kFloats) {
      return hn::MulAdd(hn::LoadU(kF32, static_cast<const float*>(operand.data) + i), factor, shift);
    } else {
      return hn::MulAdd(load_bytes(static_cast<const std::uint8_t*>(operand.data) + i), factor, shift);
    }
  }

  [[nodiscard]] float one(std::size_t i) const {
    const float x = kFloats ? static_cast<const float*>(operand.data)[i]
                            : static_cast<float>(static_cast<const std::uint8_t*>(operand.data)[i]);
    return x * operand.factor + operand.shift;
  }
};

template <bool kProduct, bool kFloatsA, bool kFloatsB>
void combine_rows(const ByteOperation& operation, const ByteOperand& a, const ByteOperand& b, std::size_t rows,
                  std::size_t length, bool b_repeats, std::uint8_t* to) {
  const Reader<kFloatsA> read_a{a};
  const Reader<kFloatsB> read_b{b};
  const V shift = hn::Set(kF32, operation.shift);
  const V least = hn::Set(kF32, operation.least);
  const V most = hn::Set(kF32, operation.most);
  const auto whole = [&](std::size_t at, std::size_t b_at) {
    const V x = read_a(at);
    const V y = read_b(b_at);
    const V z = kProduct ? hn::MulAdd(x, y, shift) : hn::Add(hn::Add(x, y), shift);
    return hn::NearestInt(hn::Min(hn::Max(z, least), most));
  };
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = row * length;
    const std::size_t b_at = b_repeats ? 0 : at;
    std::size_t i = 0;
    for (; i + 4 * kStep <= length; i += 4 * kStep) {
      store_four(whole(at + i, b_at + i), whole(at + i + kStep, b_at + i + kStep),
                 whole(at + i + 2 * kStep, b_at + i + 2 * kStep), whole(at + i + 3 * kStep, b_at + i + 3 * kStep),
                 to + at + i);
    }
    for (; i + kStep <= length; i += kStep) {
      hn::StoreU(hn::DemoteTo(kBytesOfLanes, whole(at + i, b_at + i)), kBytesOfLanes, to + at + i);
    }
    for (; i < length; ++i) {
      const float x = read_a.one(at + i);
      const float y = read_b.one(b_at + i);
      const float z = (kProduct ? x * y : x + y) + operation.shift;
      to[at + i] = static_cast<std::uint8_t>(
          static_cast<std::int32_t>(std::min(std::max(operation.least, z), operation.most) + kRound - kRound));
    }
  }
}

void combine(const ByteOperation& operation, const ByteOperand& a, const ByteOperand& b, std::size_t rows,
             std::size_t length, bool b_repeats, std::uint8_t* to) {
  const auto choose = [&](auto product) {
    constexpr bool kProduct = decltype(product)::value;
    const auto run = a.floats ? (b.floats ? combine_rows<kProduct, true, true> : combine_rows<kProduct, true, false>)
                              : (b.floats ? combine_rows<kProduct, false, true> : combine_rows<kProduct, false, false>);
    run(operation, a, b, rows, length, b_repeats, to);
  };
  if (operation.product) {
    choose(std::true_type());
  } else {
    choose(std::false_type());
  }
}

void quantise_row(const float* from, float factor, float shift, float most, std::uint8_t* to, std::size_t count) {
  // The whole part of the shift is added after rounding: f32 is finest near 0.
  const float zero = std::nearbyint(std::clamp(shift, -255.0F, 255.0F));
  const float rest = shift - zero;
  const V factors = hn::Set(kF32, factor);
  const V rests = hn::Set(kF32, rest);
  const V low = hn::Set(kF32, -zero);
  const V high = hn::Set(kF32, most - zero);
  const auto zeros = hn::Set(kI32, static_cast<std::int32_t>(zero));
  const auto whole = [&](std::size_t i) {
    const V steps = hn::MulAdd(hn::LoadU(kF32, from + i), factors, rests);
    return hn::Add(hn::NearestInt(hn::Min(hn::Max(steps, low), high)), zeros);
  };
  std::size_t i = 0;
  for (; i + 4 * kStep <= count; i += 4 * kStep) {
    store_four(whole(i), whole(i + kStep), whole(i + 2 * kStep), whole(i + 3 * kStep), to + i);
  }
  for (; i < count; ++i) {
    const float steps = std::min(std::max(-zero, std::fma(from[i], factor, rest)), most - zero);
    to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(steps + kRound - kRound + zero));
  }
}

void quantise_pixels(const float* from, std::int64_t plane, std::int64_t planes, float factor, float shift, float most,
                     std::uint8_t* to, std::int64_t count) {
  constexpr std::int64_t kBlock = 1024;
  HWY_ALIGN std::uint8_t stored[4][kBlock];
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t some = std::min(kBlock, count - begin);
    for (std::int64_t p = 0; p < planes; ++p) {
      quantise_row(from + p * plane + begin, factor, shift, most, stored[p], static_cast<std::size_t>(some));
    }
    std::uint8_t* const out = to + begin * planes;
    std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; planes == 3 && i + kTile <= some; i += kTile) {
      hn::StoreInterleaved3(hn::Load(kTileRow, stored[0] + i), hn::Load(kTileRow, stored[1] + i),
                            hn::Load(kTileRow, stored[2] + i), kTileRow, out + 3 * i);
    }
#endif
    for (; i < some; ++i) {
      for (std::int64_t p = 0; p < planes; ++p) {
        out[i * planes + p] = stored[p][i];
      }
    }
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {

HWY_EXPORT(map_rows);
HWY_EXPORT(transpose_all);
HWY_EXPORT(sum_rows);
HWY_EXPORT(quantise_pixels);
HWY_EXPORT(combine);
HWY_EXPORT(quantise_row);

void map_bytes(const Table& table, const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(map_rows)(table, from, 0, to, 0, 1, count);
}

void map_byte_rows(const Table& table, const std::uint8_t* from, std::size_t from_apart, std::uint8_t* to,
                   std::size_t to_apart, std::size_t rows, std::size_t length) {
  HWY_DYNAMIC_DISPATCH(map_rows)(table, from, from_apart, to, to_apart, rows, length);
}

void transpose_bytes(const std::uint8_t* from, std::uint8_t* to, std::int64_t rows, std::int64_t columns) {
  HWY_DYNAMIC_DISPATCH(transpose_all)(from, to, rows, columns);
}

void sum_byte_rows(const std::uint8_t* from, std::int64_t rows, std::int64_t apart, std::int64_t count,
                   std::uint32_t* sums) {
  HWY_DYNAMIC_DISPATCH(sum_rows)(from, rows, apart, count, sums);
}

void quantise_planes(const float* from, std::int64_t plane, std::int64_t planes, float factor, float shift, float most,
                     std::uint8_t* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(quantise_pixels)(from, plane, planes, factor, shift, most, to, count);
}

void combine_bytes(const ByteOperation& operation, const ByteOperand& a, const ByteOperand& b, std::size_t rows,
                   std::size_t length, bool b_repeats, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(combine)(operation, a, b, rows, length, b_repeats, to);
}

void quantise_floats(const float* from, float factor, float shift, float most, std::uint8_t* to, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(quantise_row)(from, factor, shift, most, to, count);
}

}  // namespace fovea::cpu
#endif
