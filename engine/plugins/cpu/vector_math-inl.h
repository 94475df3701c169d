// The formulas of post-ops on vectors of f32, for sources that Highway compiles once for each instruction set. Included
// inside no namespace, after hwy/highway.h; the guard below lets each pass over the source include it once.
#if defined(FOVEA_CPU_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CPU_VECTOR_MATH_INL_H_
#undef FOVEA_CPU_VECTOR_MATH_INL_H_
#else
#define FOVEA_CPU_VECTOR_MATH_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "engine/graph/graph.hpp"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<float> kF32;
using V = hn::Vec<decltype(kF32)>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(kF32));

// Of the second argument NaN stays: x86's minimum and maximum return it when either is NaN, others return NaN anyway.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE V at_least(V least, V x) { return hn::IfThenElse(hn::Lt(x, least), least, x); }
HWY_INLINE V at_most(V most, V x) { return hn::IfThenElse(hn::Gt(x, most), most, x); }
#else
HWY_INLINE V at_least(V least, V x) { return hn::Max(least, x); }
HWY_INLINE V at_most(V most, V x) { return hn::Min(most, x); }
#endif

constexpr hn::RebindToSigned<decltype(kF32)> kI32;
constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds to a whole number, which then is in the low bits

/// 2^f for |f| ≤ 1/2: the polynomial of degree 6 with the smallest relative error, 0.3 units of roundoff.
HWY_INLINE V fraction_power(V f) {
  V p = hn::MulAdd(hn::Set(kF32, 1.53458110e-4F), f, hn::Set(kF32, 1.33999309e-3F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 9.61848907e-3F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 5.55032864e-2F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 0.240226462F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 0.693147182F));
  return hn::MulAdd(p, f, hn::Set(kF32, 1.0F));
}

/// The same by one product less: degree 5, 1.6 units of roundoff, exact at 0.
HWY_INLINE V rough_fraction_power(V f) {
  V p = hn::MulAdd(hn::Set(kF32, 1.32647272e-3F), f, hn::Set(kF32, 9.67151269e-3F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 5.55073374e-2F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 0.240222421F));
  p = hn::MulAdd(p, f, hn::Set(kF32, 0.693146978F));
  return hn::MulAdd(p, f, hn::Set(kF32, 1.0F));
}

/// 2^t for t in [-126, 126]. NaN stays.
HWY_INLINE V power_inside(V t) {
#if HWY_TARGET <= HWY_AVX3
  const V whole{_mm512_roundscale_ps(t.raw, 0)};
  return V{_mm512_scalef_ps(rough_fraction_power(hn::Sub(t, whole)).raw, whole.raw)};
#else
  const V shifted = hn::Add(t, hn::Set(kF32, kRound));
  const V f = hn::Sub(t, hn::Sub(shifted, hn::Set(kF32, kRound)));
  // The whole part becomes an exponent; what else `shifted` holds leaves the word on the left.
  const auto power = hn::Add(hn::ShiftLeft<23>(hn::BitCast(kI32, shifted)), hn::Set(kI32, 127 << 23));
  return hn::Mul(rough_fraction_power(f), hn::BitCast(kF32, power));
#endif
}

/// 2^t, t cut to [-126, 126]. NaN stays.
HWY_INLINE V finite_power(V t) {
  return power_inside(at_most(hn::Set(kF32, 126.0F), at_least(hn::Set(kF32, -126.0F), t)));
}

/// e^x, at least 2^-126 and finite; relative error |x| + 6 units of roundoff: the product with log2(e) is rounded.
HWY_INLINE V finite_exp(V x) { return finite_power(hn::Mul(x, hn::Set(kF32, std::numbers::log2e_v<float>))); }

/// e^x over the whole range, down to 0 and up to infinity, within 6 units of roundoff.
HWY_INLINE V whole_exp(V x) {
  x = at_most(hn::Set(kF32, 89.0F), at_least(hn::Set(kF32, -104.0F), x));
  const V n = hn::Round(hn::Mul(x, hn::Set(kF32, std::numbers::log2e_v<float>)));
  // ln 2 in two parts, so that n · ln2 is exact enough (Cody and Waite).
  const V r = hn::NegMulAdd(n, hn::Set(kF32, -2.12194440e-4F), hn::NegMulAdd(n, hn::Set(kF32, 0.693359375F), x));
  const V p = fraction_power(hn::Mul(r, hn::Set(kF32, std::numbers::log2e_v<float>)));
  // Two factors: results below the normal numbers and above the finite ones come out by themselves.
  const auto whole = hn::ConvertTo(kI32, n);
  const auto half = hn::ShiftRight<1>(whole);
  const auto power = [](auto exponent) {
    return hn::BitCast(kF32, hn::ShiftLeft<23>(hn::Add(exponent, hn::Set(kI32, 127))));
  };
  return hn::Mul(hn::Mul(p, power(half)), power(hn::Sub(whole, half)));
}

/// 1/x for x in [1, 2^126]: an estimate of 12 bits or more and a Newton step, which squares its error.
HWY_INLINE V inverse(V x) {
  const V estimate = hn::ApproximateReciprocal(x);
  return hn::Mul(estimate, hn::NegMulAdd(x, estimate, hn::Set(kF32, 2.0F)));
}

HWY_INLINE V sigmoid(V x) {
  // At most 2^125, so that the inverse is a normal number.
  const V t = at_most(hn::Set(kF32, 125.0F),
                      at_least(hn::Set(kF32, -126.0F), hn::Mul(x, hn::Set(kF32, -std::numbers::log2e_v<float>))));
  return inverse(hn::Add(hn::Set(kF32, 1.0F), power_inside(t)));
}

/// x · tanh(ln(1+e^x)) = x · (e²+2e)/(e²+2e+2) with e = e^x; for large x that is x.
HWY_INLINE V mish(V x) {
  const V two = hn::Set(kF32, 2.0F);
  const V e = finite_exp(at_most(hn::Set(kF32, 20.0F), x));
  const V t = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(hn::Mul(x, t), inverse(hn::Add(t, two)));
}

HWY_INLINE V softplus(V x) {
  return hn::Add(at_least(hn::Zero(kF32), x), hn::Log1p(kF32, whole_exp(hn::Neg(hn::Abs(x)))));
}

HWY_INLINE V gelu_tanh(V x) {
  const V cube = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::Mul(hn::Set(kF32, 0.7978845608F), hn::MulAdd(hn::Set(kF32, 0.044715F), cube, x));  // sqrt(2/pi)
  return hn::Mul(hn::Mul(hn::Set(kF32, 0.5F), x), hn::Add(hn::Set(kF32, 1.0F), hn::Tanh(kF32, inner)));
}

/// Lane by lane: no model that matters for speed has it.
HWY_INLINE V gelu_erf(V x) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(x, kF32, lanes);
  for (float& v : lanes) {
    v = 0.5F * v * (1.0F + std::erf(v / std::numbers::sqrt2_v<float>));
  }
  return hn::Load(kF32, lanes);
}

HWY_INLINE V elu(V x, V alpha) {
  return hn::IfThenElse(hn::Ge(x, hn::Zero(kF32)), x, hn::Mul(alpha, hn::Expm1(kF32, at_most(hn::Zero(kF32), x))));
}

/// Calls `use(formula)` with the formula of a post-op without operand: a callable V → V. The choice is made once, not
/// for each vector.
template <class Use>
HWY_INLINE void with_formula(const PostOp& op, Use use) {
  const V zero = hn::Zero(kF32);
  const V one = hn::Set(kF32, 1.0F);
  const V alpha = hn::Set(kF32, op.alpha);
  const V beta = hn::Set(kF32, op.beta);
  switch (op.kind) {
    case PostOpKind::kRelu:
      if (op.alpha == 0) {
        return use([=](V x) { return at_least(zero, x); });
      }
      return use([=](V x) { return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(alpha, x), x); });
    case PostOpKind::kElu:
      return use([=](V x) { return elu(x, alpha); });
    case PostOpKind::kClamp:
      return use([=](V x) { return at_most(beta, at_least(alpha, x)); });
    case PostOpKind::kSigmoid:
      return use([](V x) { return sigmoid(x); });
    case PostOpKind::kTanh:
      return use([](V x) { return hn::Tanh(kF32, x); });
    case PostOpKind::kExp:
      return use([](V x) { return whole_exp(x); });
    case PostOpKind::kAbs:
      return use([](V x) { return hn::Abs(x); });
    case PostOpKind::kSqrt:
      return use([](V x) { return hn::Sqrt(x); });
    case PostOpKind::kSwish:
      return use([=](V x) { return hn::Mul(x, sigmoid(hn::Mul(alpha, x))); });
    case PostOpKind::kHSwish: {
      const V three = hn::Set(kF32, 3.0F);
      const V six = hn::Set(kF32, 6.0F);
      const V sixth = hn::Set(kF32, 1.0F / 6);
      return use([=](V x) { return hn::Mul(hn::Mul(x, sixth), at_most(six, at_least(zero, hn::Add(x, three)))); });
    }
    case PostOpKind::kHSigmoid:
      return use([=](V x) { return at_most(one, at_least(zero, hn::MulAdd(alpha, x, beta))); });
    case PostOpKind::kMish:
      return use([](V x) { return mish(x); });
    case PostOpKind::kSoftPlus:
      return use([](V x) { return softplus(x); });
    case PostOpKind::kGeluErf:
      return use([](V x) { return gelu_erf(x); });
    case PostOpKind::kGeluTanh:
      return use([](V x) { return gelu_tanh(x); });
    case PostOpKind::kLinear:
      return use([=](V x) { return hn::MulAdd(alpha, x, beta); });
    case PostOpKind::kAdd:
    case PostOpKind::kMultiply:
    case PostOpKind::kPRelu:
      return;  // have an operand
  }
}

/// The same for post-ops with an operand: a callable V, V → V.
template <class Use>
HWY_INLINE void with_binary_formula(PostOpKind kind, Use use) {
  switch (kind) {
    case PostOpKind::kAdd:
      return use([](V x, V y) { return hn::Add(x, y); });
    case PostOpKind::kMultiply:
      return use([](V x, V y) { return hn::Mul(x, y); });
    case PostOpKind::kPRelu:
      return use([](V x, V y) { return hn::IfThenElse(hn::Lt(x, hn::Zero(kF32)), hn::Mul(x, y), x); });
    default:
      return;  // has no operand
  }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard of each pass
