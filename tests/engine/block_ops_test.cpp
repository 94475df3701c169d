// The CPU's element-wise formulas against the same ones in double precision, with bounds that count their roundings.
#include "engine/plugins/cpu/block_ops.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "engine/ops/elementwise.hpp"

namespace fovea::cpu {
namespace {

constexpr double kUnit = 1.0 / (1 << 24);  // unit roundoff of f32
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> apply(const BlockOp& op, std::vector<float> x, const std::vector<float>& operand = {},
                         std::ptrdiff_t stride = 0) {
  apply_block(op, x.data(), operand.data(), stride, x.size());
  return x;
}

/// From -100 to 100, denser around 0, where the functions bend; and powers of two down to the smallest normal number.
std::vector<float> arguments() {
  std::vector<float> values;
  for (int i = -20000; i <= 20000; ++i) {
    values.push_back(static_cast<float>(i) * 0.005F);
    values.push_back(static_cast<float>(i) * 0.000517F);
  }
  for (int exponent = -126; exponent < 0; ++exponent) {
    values.push_back(std::ldexp(1.0F, exponent));
    values.push_back(-std::ldexp(1.3F, exponent));
  }
  return values;
}

/// The functions that end in 1 + f(x) lose what x < 0 cancels: their error is relative to x, not to the result.
bool cancels(PostOpKind kind) { return kind == PostOpKind::kGeluErf || kind == PostOpKind::kGeluTanh; }

/// Where e^x is 2^t with t = x·log2(e), the rounding of t counts |x| times.
bool rounds_exponent(PostOpKind kind) {
  return kind == PostOpKind::kSigmoid || kind == PostOpKind::kSwish || kind == PostOpKind::kMish;
}

TEST(BlockOps, FunctionsStayWithinTheirRoundings) {
  // 5 of exp (a polynomial of degree 6 in an argument reduced exactly), up to 8 without fused multiply-adds; the rest
  // for 1 + e, the division (an estimate of 12 bits, squared by a Newton step, leaves 2.3) and the products.
  constexpr double kRoundings = 16;
  for (const PostOp& op : std::vector<PostOp>{{.kind = PostOpKind::kSigmoid},
                                              {.kind = PostOpKind::kSwish, .alpha = 1},
                                              {.kind = PostOpKind::kSwish, .alpha = 0.5F},
                                              {.kind = PostOpKind::kHSwish},
                                              {.kind = PostOpKind::kMish},
                                              {.kind = PostOpKind::kExp},
                                              {.kind = PostOpKind::kTanh},
                                              {.kind = PostOpKind::kElu, .alpha = 0.7F},
                                              {.kind = PostOpKind::kSoftPlus},
                                              {.kind = PostOpKind::kGeluErf},
                                              {.kind = PostOpKind::kGeluTanh},
                                              {.kind = PostOpKind::kSqrt}}) {
    std::vector<float> x = arguments();
    if (op.kind == PostOpKind::kSqrt) {
      std::ranges::transform(x, x.begin(), [](float v) { return std::abs(v); });
    }
    if (op.kind == PostOpKind::kExp) {
      std::erase_if(x, [](float v) { return v > 88.7F; });  // beyond, infinity
    }
    const std::vector<float> y = apply({.kind = BlockOpKind::kPostOp, .post_op = op}, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = fovea::apply(op, x[i], 0);
      // Exponentials are at least 2^-126, so results below |x| times that are not resolved.
      const double lost = std::ldexp(1 + std::abs(static_cast<double>(x[i])), -125);
      const double size = cancels(op.kind) ? std::abs(static_cast<double>(x[i])) : std::abs(expected);
      const double roundings = kRoundings + (rounds_exponent(op.kind) ? std::abs(static_cast<double>(x[i])) : 0);
      ASSERT_LE(std::abs(y[i] - expected), roundings * kUnit * size + lost)
          << "kind " << static_cast<int>(op.kind) << " of " << x[i] << " is " << y[i] << " instead of " << expected;
    }
  }
}

TEST(BlockOps, ExactFormulasAreExact) {
  for (const PostOp& op : std::vector<PostOp>{{.kind = PostOpKind::kRelu},
                                              {.kind = PostOpKind::kRelu, .alpha = 0.25F},
                                              {.kind = PostOpKind::kRelu, .alpha = -0.5F},
                                              {.kind = PostOpKind::kClamp, .alpha = -0.5F, .beta = 6},
                                              {.kind = PostOpKind::kAbs},
                                              {.kind = PostOpKind::kHSigmoid, .alpha = 0.25F, .beta = 0.5F}}) {
    const std::vector<float> x = {-7, -2, -1, -0.5F, 0, 0.5F, 1, 2, 7, 100, -100, 3, 5, 6, -6, 0.25F, -0.25F};
    const std::vector<float> y = apply({.kind = BlockOpKind::kPostOp, .post_op = op}, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(y[i], fovea::apply(op, x[i], 0)) << static_cast<int>(op.kind) << " of " << x[i];
    }
  }
}

TEST(BlockOps, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const PostOpKind kind :
       {PostOpKind::kRelu, PostOpKind::kElu, PostOpKind::kClamp, PostOpKind::kSigmoid, PostOpKind::kTanh,
        PostOpKind::kExp, PostOpKind::kAbs, PostOpKind::kSqrt, PostOpKind::kSwish, PostOpKind::kHSwish,
        PostOpKind::kHSigmoid, PostOpKind::kMish, PostOpKind::kSoftPlus, PostOpKind::kGeluErf, PostOpKind::kGeluTanh,
        PostOpKind::kLinear}) {
    const PostOp op{.kind = kind, .alpha = 0.5F, .beta = 1};
    for (const float y : apply({.kind = BlockOpKind::kPostOp, .post_op = op}, std::vector<float>(19, nan))) {
      EXPECT_TRUE(std::isnan(y)) << static_cast<int>(kind);
    }
  }
  for (const PostOpKind kind : {PostOpKind::kSigmoid, PostOpKind::kTanh, PostOpKind::kExp, PostOpKind::kSoftPlus,
                                PostOpKind::kRelu, PostOpKind::kElu}) {
    const PostOp op{.kind = kind, .alpha = 0.5F};
    const std::vector<float> x = {kInfinity, -kInfinity, 300, -300};
    const std::vector<float> y = apply({.kind = BlockOpKind::kPostOp, .post_op = op}, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = static_cast<float>(fovea::apply(op, x[i], 0));
      // 1/e^87 stands for 0; quotients are within 4 roundings.
      EXPECT_TRUE(y[i] == expected || std::abs(y[i] - expected) < 1e-37 + 4 * kUnit * std::abs(expected))
          << static_cast<int>(kind) << " of " << x[i] << " is " << y[i] << " instead of " << expected;
    }
  }
}

TEST(BlockOps, AllLengthsAndStrides) {
  const std::vector<float> source = arguments();
  for (std::size_t count = 0; count <= 70; ++count) {
    for (const std::ptrdiff_t stride : {0, 1, 3}) {
      for (const BlockOpKind kind : {BlockOpKind::kSubtract, BlockOpKind::kMaximum, BlockOpKind::kMinimum}) {
        std::vector<float> x(source.begin() + 100, source.begin() + 100 + static_cast<std::ptrdiff_t>(count));
        const std::vector<float> before = x;
        x.push_back(77);  // must stay
        const std::vector<float> operand(source.begin() + 500, source.begin() + 720);
        apply_block({.kind = kind, .post_op = {}}, x.data(), operand.data(), stride, count);
        for (std::size_t i = 0; i < count; ++i) {
          const float o = operand[i * static_cast<std::size_t>(stride)];
          const float expected = kind == BlockOpKind::kSubtract  ? before[i] - o
                                 : kind == BlockOpKind::kMaximum ? std::max(before[i], o)
                                                                 : std::min(before[i], o);
          ASSERT_EQ(x[i], expected) << count << ' ' << stride << ' ' << i;
        }
        ASSERT_EQ(x.back(), 77);
      }
    }
  }
}

TEST(BlockOps, Bf16IsRoundedLikeTensorsAreAndComesBackExactly) {
  std::vector<float> values = arguments();
  // Ties to either side, the largest finite values, and what is not a number in its low half only.
  for (const std::uint32_t bits : {0x3F808000U, 0x3F818000U, 0x3F807FFFU, 0x3F808001U, 0x7F7FFFFFU, 0xFF7F7FFFU,
                                   0x7F800000U, 0xFF800000U, 0x80000000U, 0x7F800001U, 0x7FC00000U}) {
    values.push_back(std::bit_cast<float>(bits));
  }
  for (const std::size_t count : {values.size(), std::size_t{1}, std::size_t{15}, std::size_t{37}}) {
    const std::span<const float> some = std::span(values).last(count);
    Tensor exact(DataType::kF32, {static_cast<std::int64_t>(count)});
    std::ranges::copy(some, exact.data<float>().begin());
    const Tensor expected = exact.cast(DataType::kBF16).cast(DataType::kF32);
    std::vector<std::uint16_t> stored(count + 1, 77);
    narrow_bf16(some.data(), stored.data(), count);
    EXPECT_EQ(stored.back(), 77);
    std::vector<float> back(count + 1, 77);
    widen_bf16(stored.data(), back.data(), count);
    EXPECT_EQ(back.back(), 77);
    for (std::size_t i = 0; i < count; ++i) {
      const float wanted = expected.data<float>()[i];
      ASSERT_EQ(std::isnan(back[i]), std::isnan(some[i])) << some[i];
      ASSERT_TRUE(std::isnan(wanted) || back[i] == wanted) << some[i] << ": " << back[i] << ", not " << wanted;
    }
  }
}

}  // namespace
}  // namespace fovea::cpu
