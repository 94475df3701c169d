// Unary, binary and logical operators: formulas against <cmath>, exact integers, broadcasting, refused shapes.
#include "engine/ops/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

constexpr std::int64_t kBig = (std::int64_t{1} << 53) + 1;  // not a double
const double kInf = std::numeric_limits<double>::infinity();

struct UnaryCase {
  const char* op;
  const char* attributes;
  double (*formula)(double);
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

const std::vector<UnaryCase> kUnary = {
    {"Relu", "", [](double x) { return x < 0 ? 0 : x; }},
    {"Sigmoid", "", sigmoid},
    {"Tanh", "", [](double x) { return std::tanh(x); }},
    {"Exp", "", [](double x) { return std::exp(x); }},
    {"Log", "", [](double x) { return std::log(x); }},
    {"Sqrt", "", [](double x) { return std::sqrt(x); }},
    {"Abs", "", [](double x) { return x < 0 ? -x : x; }},
    {"Elu", "alpha=0.5", [](double x) { return x < 0 ? 0.5 * (std::exp(x) - 1) : x; }},
    {"Clamp", "min=-1.5 max=2", [](double x) { return x < -1.5 ? -1.5
                                                      : x > 2  ? 2
                                                               : x; }},
    {"HSwish", "", [](double x) { return x < -3  ? 0
                                         : x > 3 ? x
                                                 : x * (x + 3) / 6; }},
    {"HSigmoid", "", [](double x) { return x < -3  ? 0
                                           : x > 3 ? 1
                                                   : (x + 3) / 6; }},
    {"Mish", "", [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
    {"SoftPlus", "", [](double x) { return std::log(1 + std::exp(x)); }},
    {"SoftSign", "", [](double x) { return x / (1 + std::abs(x)); }},
    {"Swish", "", [](double x) { return x * sigmoid(x); }},
    {"Gelu", "", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }},
    {"Gelu", "approximation_mode=tanh",
     [](double x) { return x * sigmoid(2 * 0.7978845608028654 * (x + 0.044715 * x * x * x)); }},
    {"Floor", "", [](double x) { return std::floor(x); }},
    {"Ceiling", "", [](double x) { return std::ceil(x); }},
    {"Negative", "", [](double x) { return -x; }},
    {"Sign", "", [](double x) { return x < 0   ? -1.0
                                       : x > 0 ? 1.0
                                               : 0.0; }},
    {"Sin", "", [](double x) { return std::sin(x); }},
    {"Cos", "", [](double x) { return std::cos(x); }},
    {"Tan", "", [](double x) { return std::tan(x); }},
    {"Asin", "", [](double x) { return std::asin(x); }},
    {"Acos", "", [](double x) { return std::acos(x); }},
    {"Atan", "", [](double x) { return std::atan(x); }},
    {"Sinh", "", [](double x) { return std::sinh(x); }},
    {"Cosh", "", [](double x) { return std::cosh(x); }},
    {"Asinh", "", [](double x) { return std::asinh(x); }},
    {"Acosh", "", [](double x) { return std::acosh(x); }},
    {"Atanh", "", [](double x) { return std::atanh(x); }},
    {"Erf", "", [](double x) { return std::erf(x); }},
};

TEST(Unary, FormulasOnFloats) {
  const Tensor x = f32({3, 4}, {-8, -3, -1.5F, -1, -0.5F, -0.25F, 0, 0.25F, 0.75F, 1, 2.5F, 7});
  for (const UnaryCase& unary : kUnary) {
    Tensor expected(x.type());
    for (std::size_t i = 0; i < x.size(); ++i) {
      expected.data<float>()[i] = static_cast<float>(unary.formula(static_cast<double>(x.data<float>()[i])));
    }
    expect_outputs({unary.op, unary.attributes, {x}}, {expected});
  }
}

TEST(Unary, PostOpComputesTheSame) {
  const Tensor x = noise({50});
  for (const UnaryCase& unary : kUnary) {
    const OpCase op_case{unary.op, unary.attributes, {x}};
    const Node node = make_node(op_case);
    if (node.op->as_post_op == nullptr) {
      continue;
    }
    const PostOp op = node.op->as_post_op(node).value();
    Tensor expected(x.type());
    for (std::size_t i = 0; i < x.size(); ++i) {
      expected.data<float>()[i] = static_cast<float>(apply(op, static_cast<double>(x.data<float>()[i])));
    }
    expect_outputs(op_case, {expected});
  }
}

TEST(Unary, IntegersStayExact) {
  const auto min = std::numeric_limits<std::int64_t>::min();
  expect_outputs({"Relu", "", {i64({kBig, -kBig})}}, {i64({kBig, 0})});
  expect_outputs({"Abs", "", {i64({kBig, -kBig, min})}}, {i64({kBig, kBig, min})});
  expect_outputs({"Negative", "", {i64({kBig, -kBig, min})}}, {i64({-kBig, kBig, min})});
  expect_outputs({"Sign", "", {i64({kBig, 0, -kBig})}}, {i64({1, 0, -1})});
  expect_outputs({"Floor", "", {i64({kBig})}}, {i64({kBig})});
  expect_outputs({"Clamp", "min=-0.5 max=2.7", {i64({-3, 1, kBig})}}, {i64({0, 1, 2})});
  expect_outputs({"Clamp", "min=0", {i64({-3, kBig})}}, {i64({0, kBig})});
}

TEST(Unary, KeepInfinityAndNan) {
  const Tensor x = f32({3}, {static_cast<float>(-kInf), static_cast<float>(kInf), NAN});
  expect_outputs({"Relu", "", {x}}, {f32({3}, {0, static_cast<float>(kInf), NAN})});
  expect_outputs({"Sigmoid", "", {x}}, {f32({3}, {0, 1, NAN})});
}

TEST(Unary, Rounding) {
  const Tensor x = f32({6}, {-2.5F, -1.5F, 0.5F, 1.5F, 2.5F, 2.6F});
  expect_outputs({"Round", "mode=half_to_even", {x}}, {f32({6}, {-2, -2, 0, 2, 2, 3})});
  expect_outputs({"Round", "mode=half_away_from_zero", {x}}, {f32({6}, {-3, -2, 1, 2, 3, 3})});
}

TEST(Unary, WithParameterInputs) {
  const Tensor x = f32({3}, {-2, 0.5F, 3});
  expect_outputs({"Swish", "", {x, Tensor::scalar(2.0F)}},
                 {f32({3}, {-0.03597242F, 0.36552929F, 2.9925821F})});  // x / (1 + exp(-2 x))
  expect_outputs({"HardSigmoid", "", {x, Tensor::scalar(0.2F), Tensor::scalar(0.5F)}}, {f32({3}, {0.1F, 0.6F, 1})});
  expect_outputs({"Selu", "", {x, Tensor::scalar(2.0F), Tensor::scalar(3.0F)}},
                 {f32({3}, {static_cast<float>(6 * std::expm1(-2.0)), 1.5F, 9})});
  expect_invalid({"Swish", "", {x, x}}, "expected a single value");
  expect_invalid({"HardSigmoid", "", {x, x, x}}, "expected a single value");
  expect_invalid({"HardSigmoid", "", {x}}, "has 1 inputs, expected 3 to 3");
}

TEST(Unary, SwishWithBetaIsNoPostOp) {
  const Node node = make_node({"Swish", "", {f32({1}, {1}), Tensor::scalar(2.0F)}});
  EXPECT_FALSE(node.op->as_post_op(node).has_value());
}

TEST(Unary, ClampRefusesCrossedBounds) { expect_invalid({"Clamp", "min=2 max=1", {f32({1}, {0})}}, "min is 2"); }

struct BinaryCase {
  const char* op;
  double (*formula)(double, double);
};

TEST(Binary, FormulasOnFloats) {
  const std::vector<BinaryCase> cases = {
      {"Add", [](double a, double b) { return a + b; }},
      {"Subtract", [](double a, double b) { return a - b; }},
      {"Multiply", [](double a, double b) { return a * b; }},
      {"Divide", [](double a, double b) { return a / b; }},
      {"Maximum", [](double a, double b) { return a > b ? a : b; }},
      {"Minimum", [](double a, double b) { return a < b ? a : b; }},
      {"SquaredDifference", [](double a, double b) { return (a - b) * (a - b); }},
      {"Power", [](double a, double b) { return std::exp2(b * std::log2(a)); }},
      {"Mod", [](double a, double b) { return a - b * std::trunc(a / b); }},
      {"FloorMod", [](double a, double b) { return a - b * std::floor(a / b); }},
  };
  const Tensor a = f32({2, 1, 3}, {0.5F, 1, 2, 3.25F, 5, 7});
  const Tensor b = f32({2, 1}, {2, -1.5F});
  for (const BinaryCase& binary : cases) {
    Tensor expected(DataType::kF32, {2, 2, 3});
    for (std::size_t i = 0; i < 12; ++i) {
      expected.data<float>()[i] = static_cast<float>(binary.formula(
          static_cast<double>(a.data<float>()[i / 6 * 3 + i % 3]), static_cast<double>(b.data<float>()[i / 3 % 2])));
    }
    expect_outputs({binary.op, "auto_broadcast=numpy", {a, b}}, {expected});
  }
}

TEST(Binary, IntegersStayExact) {
  expect_outputs({"Add", "", {i64({kBig}), i64({1})}}, {i64({kBig + 1})});
  expect_outputs({"Subtract", "", {i64({kBig}), i64({2})}}, {i64({kBig - 2})});
  expect_outputs({"Multiply", "", {i64({kBig}), i64({3})}}, {i64({3 * kBig})});
  expect_outputs({"Divide", "", {i64({-7, 7, 7, 5}), i64({2, -2, 2, 0})}}, {i64({-4, -4, 3, 0})});
  expect_outputs({"Divide", "m_pythondiv=false", {i64({-7, 7}), i64({2, -2})}}, {i64({-3, -3})});
  expect_outputs({"Mod", "", {i64({-7, 7, 3}), i64({3, -3, 0})}}, {i64({-1, 1, 0})});
  expect_outputs({"FloorMod", "", {i64({-7, 7, 3}), i64({3, -3, 0})}}, {i64({2, -2, 0})});
  expect_outputs({"Power", "", {i64({3, 2, -1, 2, 0}), i64({5, 62, 3, -1, 0})}},
                 {i64({243, std::int64_t{1} << 62, -1, 0, 1})});
  const auto min = std::numeric_limits<std::int64_t>::min();
  expect_outputs({"Divide", "", {i64({min}), i64({-1})}}, {i64({min})});
}

TEST(Binary, SmallIntegersWrap) {
  const Tensor a = Tensor::of<std::uint8_t>({2}, {250, 3});
  const Tensor b = Tensor::of<std::uint8_t>({1}, {10});
  expect_outputs({"Add", "", {a, b}}, {Tensor::of<std::uint8_t>({2}, {4, 13})});
}

TEST(Binary, BroadcastKinds) {
  const Tensor a = ramp({1, 2, 3});
  const Tensor b = f32({2}, {10, 20});
  expect_invalid({"Add", "auto_broadcast=numpy", {a, b}}, "do not broadcast");
  expect_invalid({"Add", "auto_broadcast=none", {a, b}}, "expected equal ones");
  expect_outputs({"Add", "auto_broadcast=pdpd axis=1", {a, b}}, {f32({1, 2, 3}, {10, 11, 12, 23, 24, 25})});
  expect_invalid({"Add", "auto_broadcast=pdpd axis=3", {a, b}}, "reaches beyond");
  expect_invalid({"Add", "auto_broadcast=pdpd axis=-2", {a, b}}, "broadcast axis is -2");
  expect_invalid({"Add", "auto_broadcast=sideways", {a, b}}, "expected one of: numpy");
  expect_invalid({"Add", "", {a, i64({1})}}, "expected one element type");
}

TEST(Binary, DynamicExtents) {
  const OpCase add{"Add", "", {}};
  const auto f = DataType::kF32;
  EXPECT_EQ(infer(add, {{f, {kDynamic, 3}}, {f, {4, 1}}})[0].shape, (Shape{4, 3}));
  EXPECT_EQ(infer(add, {{f, {kDynamic, 3}}, {f, {1, 1}}})[0].shape, (Shape{kDynamic, 3}));
  EXPECT_EQ(infer(add, {{f, {kDynamic}}, {f, {kDynamic}}})[0].shape, (Shape{kDynamic}));
}

TEST(Comparison, OfFloatsAndIntegers) {
  const Tensor a = f32({3}, {1, 2, 3});
  const Tensor b = f32({1}, {2});
  expect_outputs({"Equal", "", {a, b}}, {boolean({3}, {false, true, false})});
  expect_outputs({"NotEqual", "", {a, b}}, {boolean({3}, {true, false, true})});
  expect_outputs({"Less", "", {a, b}}, {boolean({3}, {true, false, false})});
  expect_outputs({"LessEqual", "", {a, b}}, {boolean({3}, {true, true, false})});
  expect_outputs({"Greater", "", {a, b}}, {boolean({3}, {false, false, true})});
  expect_outputs({"GreaterEqual", "", {a, b}}, {boolean({3}, {false, true, true})});
  expect_outputs({"Equal", "", {i64({kBig}), i64({kBig - 1})}}, {boolean({1}, {false})});
}

TEST(Logic, TruthTables) {
  const Tensor a = boolean({4}, {false, false, true, true});
  const Tensor b = boolean({4}, {false, true, false, true});
  expect_outputs({"LogicalAnd", "", {a, b}}, {boolean({4}, {false, false, false, true})});
  expect_outputs({"LogicalOr", "", {a, b}}, {boolean({4}, {false, true, true, true})});
  expect_outputs({"LogicalXor", "", {a, b}}, {boolean({4}, {false, true, true, false})});
  expect_outputs({"LogicalNot", "", {a}}, {boolean({4}, {true, true, false, false})});
}

TEST(Select, ChoosesWithBroadcasting) {
  const Tensor condition = boolean({2, 1}, {true, false});
  expect_outputs({"Select", "", {condition, i64({1, 2}), i64({-1})}}, {i64({2, 2}, {1, 2, -1, -1})});
  expect_invalid({"Select", "", {condition, i64({1}), f32({1}, {1})}}, "expected one element type");
}

TEST(PRelu, SlopeOfAxisOneOrNumpy) {
  const Tensor x = f32({1, 2, 2}, {-1, 2, -3, -4});
  expect_outputs({"PRelu", "", {x, f32({2}, {0.5F, 2})}}, {f32({1, 2, 2}, {-0.5F, 2, -6, -8})});
  expect_outputs({"PRelu", "", {x, f32({1}, {0.5F})}}, {f32({1, 2, 2}, {-0.5F, 2, -1.5F, -2})});
  expect_outputs({"PRelu", "", {x, f32({1, 1, 2}, {1, 10})}}, {f32({1, 2, 2}, {-1, 2, -3, -40})});
  expect_invalid({"PRelu", "", {x, f32({3}, {1, 1, 1})}}, "do not broadcast");
  expect_invalid({"PRelu", "", {x, ramp({2, 2, 2})}}, "does not broadcast to data");
}

TEST(Convert, BetweenTypes) {
  expect_outputs({"Convert", "destination_type=i32", {f32({4}, {-1.7F, 1.7F, 0, 3})}},
                 {Tensor::of<std::int32_t>({4}, {-1, 1, 0, 3})});
  expect_outputs({"Convert", "destination_type=boolean", {f32({3}, {-0.5F, 0, 2})}},
                 {boolean({3}, {true, false, true})});
  expect_outputs({"Convert", "destination_type=i64", {i64({kBig})}}, {i64({kBig})});
  expect_outputs({"ConvertLike", "", {i64({2, 3}), f32({1}, {0})}}, {f32({2}, {2, 3})});
}

TEST(FakeQuantize, RoundsHalvesToEvenAndClips) {
  const Tensor low = f32({1}, {0});
  const Tensor high = f32({1}, {4});
  const Tensor x = f32({7}, {-1, 0, 0.5F, 1.5F, 2.2F, 4, 9});
  expect_outputs({"FakeQuantize", "levels=5", {x, low, high, low, high}}, {f32({7}, {0, 0, 0, 2, 2, 4, 4})});
  expect_outputs({"FakeQuantize", "levels=5", {x, low, high, f32({1}, {10}), f32({1}, {-10})}},
                 {f32({7}, {10, 10, 10, 0, 0, -10, -10})});
  // Per channel, and an input range of width 0: below or at it the low end, above it the high end.
  expect_outputs({"FakeQuantize",
                  "levels=2 auto_broadcast=numpy",
                  {f32({1, 2, 2}, {-1, 1, 0, 5}), f32({2, 1}, {0, 0}), f32({2, 1}, {0, 10}), f32({2, 1}, {1, 2}),
                   f32({2, 1}, {3, 4})}},
                 {f32({1, 2, 2}, {1, 3, 2, 2})});
  expect_invalid({"FakeQuantize", "levels=1", {x, low, high, low, high}}, "levels is 1");
  expect_invalid({"FakeQuantize", "levels=256", {x, ramp({2, 7}), high, low, high}}, "does not broadcast");
}

}  // namespace
}  // namespace fovea::test
