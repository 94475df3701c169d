// Compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/block_ops.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <bit>
#include <cstring>

#include "engine/base/cpu_info.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/block_ops.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include "engine/plugins/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

/// x[i] = formula(x[i], operand(i)), the last vector perhaps in part. \param operand  (index, mask of valid lanes) → V
template <class Operand, class Formula>
HWY_INLINE void transform(float* x, std::size_t count, Operand operand, Formula formula) {
  constexpr auto kStep = static_cast<std::size_t>(kLanes);
  const auto all = hn::FirstN(kF32, kStep);
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    hn::StoreU(formula(hn::LoadU(kF32, x + i), operand(i, all)), kF32, x + i);
  }
  if (i < count) {
    const auto some = hn::FirstN(kF32, count - i);
    hn::BlendedStore(formula(hn::MaskedLoad(some, kF32, x + i), operand(i, some)), some, kF32, x + i);
  }
}

template <class Formula>
HWY_INLINE void unary(float* x, std::size_t count, Formula formula) {
  const auto nothing = [](std::size_t /*i*/, const auto& /*mask*/) { return hn::Zero(kF32); };
  transform(x, count, nothing, [&](V value, V /*operand*/) { return formula(value); });
}

template <class Formula>
HWY_INLINE void binary(float* x, const float* operand, std::ptrdiff_t stride, std::size_t count, Formula formula) {
  if (stride == 0) {
    const V value = hn::Set(kF32, *operand);
    transform(
        x, count, [=](std::size_t /*i*/, const auto& /*mask*/) { return value; }, formula);
  } else if (stride == 1) {
    transform(
        x, count, [=](std::size_t i, const auto& mask) { return hn::MaskedLoad(mask, kF32, operand + i); }, formula);
  } else {
    const auto gather = [=](std::size_t i, const auto& /*mask*/) {
      HWY_ALIGN float lanes[kLanes] = {};
      for (std::size_t lane = 0; lane < static_cast<std::size_t>(kLanes) && i + lane < count; ++lane) {
        lanes[lane] = operand[static_cast<std::ptrdiff_t>(i + lane) * stride];
      }
      return hn::Load(kF32, lanes);
    };
    transform(x, count, gather, formula);
  }
}

void apply(const BlockOp& op, float* x, const float* operand, std::ptrdiff_t stride, std::size_t count) {
  const auto use_binary = [&](auto formula) { binary(x, operand, stride, count, formula); };
  switch (op.kind) {
    case BlockOpKind::kPostOp:
      if (op.post_op.kind == PostOpKind::kAdd || op.post_op.kind == PostOpKind::kMultiply ||
          op.post_op.kind == PostOpKind::kPRelu) {
        return with_binary_formula(op.post_op.kind, use_binary);
      }
      return with_formula(op.post_op, [&](auto formula) { unary(x, count, formula); });
    case BlockOpKind::kSubtract:
      return use_binary([](V a, V b) { return hn::Sub(a, b); });
    case BlockOpKind::kDivide:
      return use_binary([](V a, V b) { return hn::Div(a, b); });
    case BlockOpKind::kMaximum:
      return use_binary([](V a, V b) { return at_least(b, a); });
    case BlockOpKind::kMinimum:
      return use_binary([](V a, V b) { return at_most(b, a); });
    case BlockOpKind::kSquaredDifference:
      return use_binary([](V a, V b) { return hn::Mul(hn::Sub(a, b), hn::Sub(a, b)); });
  }
}

constexpr hn::RebindToUnsigned<decltype(kF32)> kU32;
constexpr hn::Rebind<std::uint16_t, decltype(kF32)> kU16;

void widen(const std::uint16_t* stored, float* x, std::size_t count) {
  constexpr auto kStep = static_cast<std::size_t>(kLanes);
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    hn::StoreU(hn::BitCast(kF32, hn::ShiftLeft<16>(hn::PromoteTo(kU32, hn::LoadU(kU16, stored + i)))), kF32, x + i);
  }
  for (; i < count; ++i) {
    x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(stored[i]) << 16);
  }
}

/// The upper halves, rounded to nearest, ties to even.
HWY_INLINE hn::Vec<decltype(kU32)> upper_halves(V x) {
  const auto bits = hn::BitCast(kU32, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(kU32, 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(kU32, 0x7FFF)), odd);
  const auto quiet = hn::Or(bits, hn::Set(kU32, 0x400000));  // a NaN's low bits might be all it has
  const auto is_nan = hn::RebindMask(kU32, hn::IsNaN(x));
  return hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded));
}

void narrow(const float* x, std::uint16_t* stored, std::size_t count) {
  constexpr auto kStep = static_cast<std::size_t>(kLanes);
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    hn::StoreU(hn::DemoteTo(kU16, hn::BitCast(kI32, upper_halves(hn::LoadU(kF32, x + i)))), kU16, stored + i);
  }
  if (i < count) {
    HWY_ALIGN std::uint32_t rest[kStep];
    hn::Store(upper_halves(hn::MaskedLoad(hn::FirstN(kF32, count - i), kF32, x + i)), kU32, rest);
    for (std::size_t lane = 0; i < count; ++i, ++lane) {
      stored[i] = static_cast<std::uint16_t>(rest[lane]);
    }
  }
}

template <class Rows>
HWY_INLINE void weigh(const float* const* rows, const float* weights, Rows row_count, std::size_t count, float* sum) {
  constexpr auto kStep = static_cast<std::size_t>(kLanes);
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    V total = hn::Mul(hn::Set(kF32, weights[0]), hn::LoadU(kF32, rows[0] + i));
    for (std::size_t t = 1; t < row_count; ++t) {
      total = hn::MulAdd(hn::Set(kF32, weights[t]), hn::LoadU(kF32, rows[t] + i), total);
    }
    hn::StoreU(total, kF32, sum + i);
  }
  for (; i < count; ++i) {
    float total = 0;
    for (std::size_t t = 0; t < row_count; ++t) {
      total += weights[t] * rows[t][i];
    }
    sum[i] = total;
  }
}

void weigh_any(const float* const* rows, const float* weights, std::size_t row_count, std::size_t count, float* sum) {
  if (row_count == 2) {
    weigh(rows, weights, std::integral_constant<std::size_t, 2>(), count, sum);
  } else {
    weigh(rows, weights, row_count, count, sum);
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {

HWY_EXPORT(apply);
HWY_EXPORT(widen);
HWY_EXPORT(narrow);
HWY_EXPORT(weigh_any);

#if defined(__x86_64__)
namespace {

/// Whole vectors by the processor's own instruction, which Highway 1.0 does not know: four times as fast. Below the
/// normal numbers results are zero. \return  How many.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) std::size_t narrow_natively(const float* x,
                                                                                            std::uint16_t* stored,
                                                                                            std::size_t count) {
  constexpr std::size_t kStep = 16;
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    __m256i bits;
    std::memcpy(&bits, &rounded, sizeof(bits));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(stored + i), bits);
  }
  return i;
}

}  // namespace
#endif

void apply_block(const BlockOp& op, float* x, const float* operand, std::ptrdiff_t stride, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(apply)(op, x, operand, stride, count);
}

void widen_bf16(const std::uint16_t* stored, float* x, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(widen)(stored, x, count);
}

void narrow_bf16(const float* x, std::uint16_t* stored, std::size_t count) {
  std::size_t done = 0;
#if defined(__x86_64__)
  static const bool kNative = cpu_multiplies_bf16();
  done = kNative ? narrow_natively(x, stored, count) : 0;
#endif
  HWY_DYNAMIC_DISPATCH(narrow)(x + done, stored + done, count - done);
}

void weigh_rows(const float* const* rows, const float* weights, std::size_t row_count, std::size_t count, float* sum) {
  if (row_count == 0) {
    std::fill_n(sum, count, 0.0F);
    return;
  }
  HWY_DYNAMIC_DISPATCH(weigh_any)(rows, weights, row_count, count, sum);
}

}  // namespace fovea::cpu
#endif
