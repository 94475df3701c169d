// The inner part of our own convolutions, for sources that Highway compiles once for each instruction set: a block of
// rows times a panel of weights, and the finishing of results.
#if defined(FOVEA_CPU_MATRIX_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CPU_MATRIX_BLOCK_INL_H_
#undef FOVEA_CPU_MATRIX_BLOCK_INL_H_
#else
#define FOVEA_CPU_MATRIX_BLOCK_INL_H_
#endif

#include <algorithm>

#include "engine/plugins/cpu/finish.hpp"
#include "engine/plugins/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Without this, small loops over registers become loops over memory.
#ifndef FOVEA_UNROLL
#define FOVEA_UNROLL _Pragma("GCC unroll 14")
#endif

// Rows of the register block, two vectors wide: 28 of AVX-512's 32 registers, else 12 of 16.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRows = 14;
#else
constexpr int kRows = 6;
#endif

inline std::int64_t lanes() { return kLanes; }
inline std::int64_t rows_at_once() { return kRows; }

/// The same address, which the compiler takes for a new one: GCC 12 else keeps each sum of it and a constant in a
/// register of its own, of which there are too few.
HWY_INLINE const float* opaque(const float* address) {
  asm("" : "+r"(address));
  return address;
}

/// Addresses of R rows `stride` apart, so that four rows share a register: x86 adds 1 or 2 strides by itself.
template <int R>
struct RowBases {
  static constexpr int kBases = (R + 4) / 4;
  const float* base[kBases];
  std::int64_t stride;

  RowBases() = default;
  HWY_INLINE RowBases(const float* first, std::int64_t floats) : stride(floats) {
    FOVEA_UNROLL
    for (int i = 0; i < kBases; ++i) {
      base[i] = opaque(first + 4 * i * stride);
    }
  }

  [[nodiscard]] HWY_INLINE RowBases moved(std::int64_t floats) const {
    RowBases result;
    result.stride = stride;
    FOVEA_UNROLL
    for (int i = 0; i < kBases; ++i) {
      result.base[i] = opaque(base[i] + floats);
    }
    return result;
  }

  [[nodiscard]] HWY_INLINE const float* row(int r) const {
    const int i = (r + 1) / 4;
    return base[i] + (r - 4 * i) * stride;
  }
};

/// c[R, kWide vectors] = a[R, depth] · panel[depth, kWide vectors]. `panel` and `c` are aligned to vectors.
template <int R, int kWide>
HWY_INLINE void multiply_rows(const float* a, std::int64_t a_stride, const float* panel, float* c,
                              std::int64_t c_stride, std::int64_t depth) {
  V sums[R][kWide];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = hn::Zero(kF32);
    }
  }
  const RowBases<R> rows(a, a_stride);
  for (std::int64_t k = 0; k < depth; ++k) {
    const RowBases<R> taps = rows.moved(k);
    V column[kWide];
    for (int w = 0; w < kWide; ++w) {
      column[w] = hn::Load(kF32, panel + (k * kWide + w) * kLanes);
    }
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      const V value = hn::Set(kF32, *taps.row(r));
      for (int w = 0; w < kWide; ++w) {
        sums[r][w] = hn::MulAdd(value, column[w], sums[r][w]);
      }
    }
  }
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < kWide; ++w) {
      hn::Store(sums[r][w], kF32, c + r * c_stride + w * kLanes);
    }
  }
}

/// The same for `rows` ≤ R.
template <int R, int kWide>
HWY_INLINE void multiply_rest(std::int64_t rows, const float* a, std::int64_t a_stride, const float* panel, float* c,
                              std::int64_t c_stride, std::int64_t depth) {
  if constexpr (R > 0) {
    if (rows == R) {
      multiply_rows<R, kWide>(a, a_stride, panel, c, c_stride, depth);
    } else {
      multiply_rest<R - 1, kWide>(rows, a, a_stride, panel, c, c_stride, depth);
    }
  }
}

/// A vector of channels of the output.
struct ChannelVector {
  std::int64_t channel = 0;  ///< The first one.
  bool whole = true;         ///< All lanes are channels.
  hn::Mask<decltype(kF32)> mask;
};

HWY_INLINE ChannelVector channel_vector(std::int64_t channel, std::int64_t outputs) {
  const std::int64_t lanes = std::min(kLanes, outputs - channel);
  return {channel, lanes == kLanes, hn::FirstN(kF32, static_cast<std::size_t>(lanes))};
}

constexpr int kPixels = 4;  // that are finished together

/// Finishes and stores a vector of channels of `count` ≤ kPixels pixels that lie side by side.
/// \param values  kPixels vectors; those beyond `count` are not looked at.
/// \param pixel   Index of the first one in the output, whose pixels lie `stride` floats apart.
inline HWY_NOINLINE void finish_pixels(const Finish& finish, const FinishOperand* operands, const ChannelVector& where,
                                       const V* values, int count, std::int64_t pixel, float* dst,
                                       std::int64_t stride) {
  V v[kPixels];
  const V bias = hn::LoadU(kF32, finish.bias.data() + where.channel);
  FOVEA_UNROLL
  for (int i = 0; i < kPixels; ++i) {
    v[i] = hn::Add(values[i], bias);
  }
  for (std::size_t s = 0; s < finish.steps.size(); ++s) {
    const FinishStep& step = finish.steps[s];
    if (step.operand == FinishStep::Operand::kNone) {
      with_formula(step.op, [&](auto formula) {
        FOVEA_UNROLL
        for (int i = 0; i < kPixels; ++i) {
          v[i] = formula(v[i]);
        }
      });
      continue;
    }
    const bool full = step.operand == FinishStep::Operand::kFull;
    const float* const operand = operands[s].data + (full ? pixel * operands[s].stride : 0) + where.channel;
    const auto load = [&](const float* address) {
      return where.whole ? hn::LoadU(kF32, address) : hn::MaskedLoad(where.mask, kF32, address);
    };
    V o[kPixels];
    o[0] = step.operand == FinishStep::Operand::kSingle ? hn::Set(kF32, *operands[s].data) : load(operand);
    for (int i = 1; i < kPixels; ++i) {
      o[i] = full && i < count ? load(operand + i * operands[s].stride) : o[0];
    }
    with_binary_formula(step.op.kind, [&](auto formula) {
      FOVEA_UNROLL
      for (int i = 0; i < kPixels; ++i) {
        v[i] = formula(v[i], o[i]);
      }
    });
  }
  for (int i = 0; i < count; ++i) {
    float* const to = dst + (pixel + i) * stride + where.channel;
    if (where.whole) {
      hn::StoreU(v[i], kF32, to);
    } else {
      hn::BlendedStore(v[i], where.mask, kF32, to);
    }
  }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard of each pass
