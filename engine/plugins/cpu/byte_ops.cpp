// Compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/byte_ops.hpp"

#include <algorithm>

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

void map_table(const Table& table, const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET <= HWY_AVX3_DL
  const __m512i t0 = _mm512_loadu_si512(table.data());
  const __m512i t1 = _mm512_loadu_si512(table.data() + 64);
  const __m512i t2 = _mm512_loadu_si512(table.data() + 128);
  const __m512i t3 = _mm512_loadu_si512(table.data() + 192);
  for (; i + 64 <= count; i += 64) {
    const __m512i x = _mm512_loadu_si512(from + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, x, t1);
    const __m512i high = _mm512_permutex2var_epi8(t2, x, t3);
    _mm512_storeu_si512(to + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high));
  }
#endif
  for (; i < count; ++i) {
    to[i] = table[from[i]];
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
  const V factors = hn::Set(kF32, factor);
  const V shifts = hn::Set(kF32, shift);
  const V limit = hn::Set(kF32, most);
  const auto whole = [&](std::size_t i) {
    const V steps = hn::MulAdd(hn::LoadU(kF32, from + i), factors, shifts);
    return hn::NearestInt(hn::Min(hn::Max(steps, hn::Zero(kF32)), limit));
  };
  std::size_t i = 0;
  for (; i + 4 * kStep <= count; i += 4 * kStep) {
    store_four(whole(i), whole(i + kStep), whole(i + 2 * kStep), whole(i + 3 * kStep), to + i);
  }
  for (; i < count; ++i) {
    to[i] = static_cast<std::uint8_t>(
        static_cast<std::int32_t>(std::min(std::max(0.0F, from[i] * factor + shift), most) + kRound - kRound));
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {

HWY_EXPORT(map_table);
HWY_EXPORT(combine);
HWY_EXPORT(quantise_row);

void map_bytes(const Table& table, const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(map_table)(table, from, to, count);
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
