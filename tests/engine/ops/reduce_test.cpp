// Reductions and normalisations along axes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

TEST(Reduce, OverTheLastAxis) {
  const Tensor x = f32({2, 3}, {1, -2, 3, 4, 5, -6});
  const Tensor axis = i64({-1});
  const auto root = [](double x2) { return static_cast<float>(std::sqrt(x2)); };
  expect_outputs({"ReduceSum", "", {x, axis}}, {f32({2}, {2, 3})});
  expect_outputs({"ReduceMean", "keep_dims=true", {x, axis}}, {f32({2, 1}, {2.0F / 3, 1})});
  expect_outputs({"ReduceMax", "", {x, axis}}, {f32({2}, {3, 5})});
  expect_outputs({"ReduceMin", "", {x, axis}}, {f32({2}, {-2, -6})});
  expect_outputs({"ReduceProd", "", {x, axis}}, {f32({2}, {-6, -120})});
  expect_outputs({"ReduceL1", "", {x, axis}}, {f32({2}, {6, 15})});
  expect_outputs({"ReduceL2", "", {x, axis}}, {f32({2}, {root(14), root(77)})});
}

TEST(Reduce, OverSeveralAxesAndNone) {
  const Tensor x = ramp({2, 2, 2}, 1);
  expect_outputs({"ReduceSum", "", {x, i64({0, 2})}}, {f32({2}, {1 + 2 + 5 + 6, 3 + 4 + 7 + 8})});
  expect_outputs({"ReduceSum", "keep_dims=1", {x, i64({2, 0})}}, {f32({1, 2, 1}, {14, 22})});
  expect_outputs({"ReduceSum", "", {x, i64({})}}, {x});
  expect_outputs({"ReduceMax", "", {x, i64({0, 1, 2})}}, {f32({}, {8})});
}

TEST(Reduce, IntegersStayExact) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  expect_outputs({"ReduceSum", "", {i64({big, 1}), i64({0})}}, {i64({}, {big + 1})});
  expect_outputs({"ReduceProd", "", {i64({big, 3}), i64({0})}}, {i64({}, {3 * big})});
  expect_outputs({"ReduceMax", "", {i64({-big, big}), i64({0})}}, {i64({}, {big})});
  expect_outputs({"ReduceMean", "", {i64({-3, -4}), i64({0})}}, {i64({}, {-3})});
}

TEST(Reduce, Logic) {
  const Tensor x = boolean({2, 2}, {true, true, false, true});
  expect_outputs({"ReduceLogicalAnd", "", {x, i64({1})}}, {boolean({2}, {true, false})});
  expect_outputs({"ReduceLogicalOr", "", {x, i64({0})}}, {boolean({2}, {true, true})});
}

TEST(Reduce, RefusesBadAxes) {
  const Tensor x = ramp({2, 3});
  expect_invalid({"ReduceSum", "", {x, i64({2})}}, "axes is 2, expected -2 to 1");
  expect_invalid({"ReduceSum", "", {x, i64({0, -2})}}, "name axis 0 twice");
  expect_invalid({"ReduceSum", "", {x, f32({1}, {0})}}, "expected a list of integers");
  expect_refused({"ReduceSum", "", {x, i64({0})}, 0, {1}}, ErrorCode::kUnsupported, "needs constant axes");
}

TEST(Softmax, AlongAnAxis) {
  const Tensor x = f32({2, 2}, {0, 1, 1000, 1000});
  const auto e = static_cast<float>(1 / (1 + std::exp(1.0)));
  expect_outputs({"Softmax", "axis=1", {x}}, {f32({2, 2}, {e, 1 - e, 0.5F, 0.5F})});
  expect_outputs({"Softmax", "axis=-2", {x}}, {f32({2, 2}, {0, 0, 1, 1})});
  expect_outputs({"LogSoftmax", "axis=1", {x}}, {f32({2, 2}, {static_cast<float>(std::log(static_cast<double>(e))),
                                                              static_cast<float>(std::log1p(-static_cast<double>(e))),
                                                              -std::log(2.0F), -std::log(2.0F)})});
  expect_invalid({"Softmax", "axis=2", {x}}, "axis is 2");
  expect_invalid({"LogSoftmax", "axis=-3", {x}}, "axis is -3");
}

TEST(NormalizeL2, AddsOrBoundsEps) {
  const Tensor x = f32({1, 2, 1}, {3, 4});
  expect_outputs({"NormalizeL2", "eps=0 eps_mode=add", {x, i64({1})}}, {f32({1, 2, 1}, {0.6F, 0.8F})});
  expect_outputs({"NormalizeL2", "eps=11 eps_mode=add", {x, i64({1})}}, {f32({1, 2, 1}, {0.5F, 4.0F / 6})});
  expect_outputs({"NormalizeL2", "eps=100 eps_mode=max", {x, i64({1})}}, {f32({1, 2, 1}, {0.3F, 0.4F})});
  expect_outputs({"NormalizeL2", "eps=0 eps_mode=add", {f32({2}, {-2, 5}), i64({})}}, {f32({2}, {-1, 1})});
  expect_invalid({"NormalizeL2", "eps=0 eps_mode=add", {x, i64({3})}}, "axes is 3");
}

TEST(MVN, AxesAndEps) {
  const Tensor x = f32({1, 2, 2}, {1, 3, 10, 10});
  expect_outputs({"MVN", "eps=0.5625 eps_mode=INSIDE_SQRT normalize_variance=true", {x, i64({2})}, 6},
                 {f32({1, 2, 2}, {-0.8F, 0.8F, 0, 0})});  // variance 1, root of 1.5625 is 1.25
  expect_outputs({"MVN", "eps=0.25 eps_mode=outside_sqrt normalize_variance=true", {x, i64({2})}, 6},
                 {f32({1, 2, 2}, {-0.8F, 0.8F, 0, 0})});
  expect_outputs({"MVN", "normalize_variance=false", {x, i64({1, 2})}, 6}, {f32({1, 2, 2}, {-5, -3, 4, 4})});
  expect_outputs({"MVN", "eps=0.5625 across_channels=false", {x}, 2}, {f32({1, 2, 2}, {-0.8F, 0.8F, 0, 0})});
  expect_outputs({"MVN", "across_channels=true normalize_variance=false", {x}, 2}, {f32({1, 2, 2}, {-5, -3, 4, 4})});
  expect_invalid({"MVN", "", {x}, 6}, "axes input is missing");
  expect_invalid({"MVN", "", {x, i64({3})}, 6}, "axes is 3");
}

}  // namespace
}  // namespace fovea::test
