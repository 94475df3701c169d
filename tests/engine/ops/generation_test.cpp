// RandomUniform against the numbers its specification prints; what seeds decide; refusals.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

OpCase uniform(const std::string& attributes, const std::vector<std::int64_t>& shape, const Tensor& least,
               const Tensor& most) {
  return {"RandomUniform", attributes, {i64(shape), least, most}};
}

TEST(RandomUniform, GivesTheNumbersOfTheSpecification) {
  // Printed with 7 or 8 digits.
  const std::vector<Tensor> reals =
      run(uniform("output_type=f32 global_seed=150 op_seed=10", {3, 3}, Tensor::scalar(0.0F), Tensor::scalar(1.0F)));
  expect_equal(reals[0],
               f32({3, 3}, {0.7011236F, 0.30539632F, 0.93931055F, 0.9456035F, 0.11694777F, 0.50770056F, 0.5197197F,
                            0.22727466F, 0.991374F}),
               1e-7);
  const std::vector<Tensor> doubles =
      run(uniform("output_type=f64 global_seed=80 op_seed=100", {2, 2}, Tensor::scalar(2.0), Tensor::scalar(10.0)));
  expect_equal(doubles[0], Tensor::of<double>({2, 2}, {5.65927959, 4.23122376, 2.67008206, 2.36423758}), 1e-8);
  expect_outputs(uniform("output_type=i32 global_seed=80 op_seed=100", {2, 3}, Tensor::scalar<std::int32_t>(50),
                         Tensor::scalar<std::int32_t>(100)),
                 {Tensor::of<std::int32_t>({2, 3}, {65, 70, 56, 59, 82, 92})});
}

TEST(RandomUniform, SeedsDecide) {
  const auto draw = [](const std::string& seeds) {
    return to_doubles(
        run(uniform("output_type=f32 " + seeds, {100}, Tensor::scalar(-3.0F), Tensor::scalar(5.0F)))[0].view());
  };
  const std::vector<double> values = draw("global_seed=1 op_seed=2");
  EXPECT_TRUE(std::ranges::all_of(values, [](double value) { return value >= -3 && value < 5; }));
  EXPECT_EQ(draw("global_seed=1 op_seed=2"), values);
  EXPECT_NE(draw("global_seed=1 op_seed=3"), values);
  EXPECT_NE(draw("global_seed=2 op_seed=2"), values);
  // A hundred equal numbers of 23 bits each do not happen.
  EXPECT_NE(draw("global_seed=0 op_seed=0"), draw("global_seed=0 op_seed=0"));
}

TEST(RandomUniform, EveryTypeStaysInRange) {
  for (const DataType type :
       {DataType::kF16, DataType::kBF16, DataType::kF32, DataType::kF64, DataType::kI32, DataType::kI64}) {
    for (const char* alignment : {"tensorflow", "pytorch"}) {
      SCOPED_TRACE(std::string(to_string(type)) + " " + alignment);
      const auto bound = [&](double value) { return Tensor::scalar(value).cast(type); };
      const Tensor drawn =
          run(uniform(fmt::format("output_type={} global_seed=7 op_seed=1 alignment={}", to_string(type), alignment),
                      {1000}, bound(0), bound(4)))[0];
      const std::vector<double> values = to_doubles(drawn.view());
      EXPECT_TRUE(std::ranges::all_of(values, [](double value) { return value >= 0 && value < 4; }));
      // Each quarter holds 250 ± 14 of them; seven deviations are never reached by chance.
      for (int quarter = 0; quarter < 4; ++quarter) {
        const auto count =
            std::ranges::count_if(values, [&](double value) { return static_cast<int>(value) == quarter; });
        EXPECT_NEAR(static_cast<double>(count), 250, 100) << "quarter " << quarter;
      }
    }
  }
}

TEST(RandomUniform, ShapesAndRefusals) {
  const Tensor zero = Tensor::scalar(0.0F);
  const Tensor one = Tensor::scalar(1.0F);
  OpCase computed = uniform("output_type=f32", {2, 3}, zero, one);
  computed.computed = {0};
  EXPECT_EQ(infer(computed)[0].shape, (Shape{kDynamic, kDynamic}));
  EXPECT_EQ(run(uniform("output_type=f32", {2, 0}, zero, one))[0].shape(), (Shape{2, 0}));
  expect_invalid(uniform("output_type=f32", {2, -1}, zero, one), "an extent is -1");
  expect_invalid(uniform("output_type=f64", {2}, zero, one), "a bound is f32[], expected a single f64");
  expect_invalid(uniform("output_type=u8", {2}, zero, one), "output_type is u8");
  expect_invalid(uniform("alignment=numpy", {2}, zero, one), "expected one of: tensorflow, pytorch");
  const auto integer = [](std::int32_t value) { return Tensor::scalar(value); };
  EXPECT_THROW(run(uniform("output_type=i32 op_seed=1", {2}, integer(5), integer(5))), Error);
}

}  // namespace
}  // namespace fovea::test
