#include "engine/plugins/cpu/block_ops.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace fovea::cpu {
namespace {

/// exp(x) by 2^n · p(r) with |r| ≤ ln2/2 and the degree-6 Taylor polynomial: relative error below 3e-7.
inline float fast_exp(float x) {
  // Beyond these the result is 0 or infinity in f32 anyway; the clamp keeps the exponent arithmetic valid.
  x = std::min(std::max(x, -87.33F), 88.37F);
  constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer
  const float n = (x * std::numbers::log2e_v<float> + kRound) - kRound;
  // ln 2 in two parts, so that n · ln2 is exact enough (Cody and Waite).
  const float r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

inline float fast_sigmoid(float x) { return 1.0F / (1.0F + fast_exp(-x)); }

/// tanh(ln(1+e^x)) = (e²+2e)/(e²+2e+2) with e = e^x; for large x that is 1.
inline float fast_mish(float x) {
  const float e = fast_exp(std::min(x, 20.0F));
  const float t = e * (e + 2.0F);
  return x * t / (t + 2.0F);
}

template <class Formula>
void unary(float* x, std::size_t count, Formula formula) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = formula(x[i]);
  }
}

template <class Formula>
void binary(float* x, const float* operand, std::ptrdiff_t stride, std::size_t count, Formula formula) {
  if (stride == 0) {
    const float value = *operand;
#pragma omp simd
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = formula(x[i], value);
    }
  } else if (stride == 1) {
#pragma omp simd
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = formula(x[i], operand[i]);
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = formula(x[i], operand[static_cast<std::ptrdiff_t>(i) * stride]);
    }
  }
}

void apply_post_op(const PostOp& op, float* x, const float* operand, std::ptrdiff_t stride, std::size_t count) {
  const float alpha = op.alpha;
  const float beta = op.beta;
  switch (op.kind) {
    case PostOpKind::kRelu:
      return unary(x, count, [alpha](float v) { return v >= 0 ? v : alpha * v; });
    case PostOpKind::kElu:
      return unary(x, count, [alpha](float v) { return v >= 0 ? v : alpha * std::expm1(v); });
    case PostOpKind::kClamp:
      return unary(x, count, [alpha, beta](float v) { return std::min(std::max(v, alpha), beta); });
    case PostOpKind::kSigmoid:
      return unary(x, count, fast_sigmoid);
    case PostOpKind::kTanh:
      return unary(x, count, [](float v) { return std::tanh(v); });
    case PostOpKind::kExp:
      return unary(x, count, [](float v) { return std::exp(v); });
    case PostOpKind::kAbs:
      return unary(x, count, [](float v) { return std::abs(v); });
    case PostOpKind::kSqrt:
      return unary(x, count, [](float v) { return std::sqrt(v); });
    case PostOpKind::kSwish:
      return unary(x, count, [alpha](float v) { return v * fast_sigmoid(alpha * v); });
    case PostOpKind::kHSwish:
      return unary(x, count, [](float v) { return v * std::min(std::max(v + 3.0F, 0.0F), 6.0F) * (1.0F / 6); });
    case PostOpKind::kHSigmoid:
      return unary(x, count, [alpha, beta](float v) { return std::min(std::max(alpha * v + beta, 0.0F), 1.0F); });
    case PostOpKind::kMish:
      return unary(x, count, fast_mish);
    case PostOpKind::kSoftPlus:
      return unary(x, count, [](float v) { return std::max(v, 0.0F) + std::log1p(std::exp(-std::abs(v))); });
    case PostOpKind::kGeluErf:
      return unary(x, count, [](float v) { return 0.5F * v * (1.0F + std::erf(v / std::numbers::sqrt2_v<float>)); });
    case PostOpKind::kGeluTanh:
      return unary(x, count, [](float v) {
        constexpr float kFactor = 0.7978845608F;  // sqrt(2/pi)
        return 0.5F * v * (1.0F + std::tanh(kFactor * (v + 0.044715F * v * v * v)));
      });
    case PostOpKind::kLinear:
      return unary(x, count, [alpha, beta](float v) { return alpha * v + beta; });
    case PostOpKind::kAdd:
      return binary(x, operand, stride, count, [](float a, float b) { return a + b; });
    case PostOpKind::kMultiply:
      return binary(x, operand, stride, count, [](float a, float b) { return a * b; });
    case PostOpKind::kPRelu:
      return binary(x, operand, stride, count, [](float a, float b) { return a >= 0 ? a : a * b; });
  }
}

}  // namespace

void apply_block(const BlockOp& op, float* x, const float* operand, std::ptrdiff_t stride, std::size_t count) {
  switch (op.kind) {
    case BlockOpKind::kPostOp:
      return apply_post_op(op.post_op, x, operand, stride, count);
    case BlockOpKind::kSubtract:
      return binary(x, operand, stride, count, [](float a, float b) { return a - b; });
    case BlockOpKind::kDivide:
      return binary(x, operand, stride, count, [](float a, float b) { return a / b; });
    case BlockOpKind::kMaximum:
      return binary(x, operand, stride, count, [](float a, float b) { return std::max(a, b); });
    case BlockOpKind::kMinimum:
      return binary(x, operand, stride, count, [](float a, float b) { return std::min(a, b); });
    case BlockOpKind::kSquaredDifference:
      return binary(x, operand, stride, count, [](float a, float b) { return (a - b) * (a - b); });
  }
}

}  // namespace fovea::cpu
