// Operators that change shapes or read them: values pass through untouched.
#include <gtest/gtest.h>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

TEST(Reshape, Patterns) {
  const Tensor x = ramp({2, 3, 4});
  expect_outputs({"Reshape", "", {x, i64({4, 6})}}, {ramp({4, 6})});
  expect_outputs({"Reshape", "", {x, i64({-1, 8})}}, {ramp({3, 8})});
  expect_outputs({"Reshape", "special_zero=true", {x, i64({0, -1})}}, {ramp({2, 12})});
  expect_outputs({"Reshape", "", {f32({1}, {5}), i64({})}}, {f32({}, {5})});
  expect_outputs({"Reshape", "special_zero=false", {Tensor(DataType::kF32, {0, 3}), i64({0, 7})}},
                 {Tensor(DataType::kF32, {0, 7})});
}

TEST(Reshape, Refusals) {
  const Tensor x = ramp({2, 3});
  expect_invalid({"Reshape", "", {x, i64({4})}}, "cannot reshape [2,3] to [4]");
  expect_invalid({"Reshape", "", {x, i64({-1, 4})}}, "cannot reshape");
  expect_invalid({"Reshape", "", {x, i64({-1, -1})}}, "more than one -1");
  expect_invalid({"Reshape", "", {x, i64({-2, 3})}}, "cannot reshape");
  expect_invalid({"Reshape", "special_zero=false", {x, i64({0, -1})}}, "cannot reshape");
  expect_invalid({"Reshape", "special_zero=true", {x, i64({2, 3, 0})}}, "cannot reshape");
  expect_invalid({"Reshape", "", {x, i64({std::int64_t{1} << 40, std::int64_t{1} << 40})}}, "exceeds 2^40");
  expect_refused({"Reshape", "", {x, i64({1, 1}, {6})}, 0, {1}}, ErrorCode::kUnsupported,
                 "needs constant target shape");
}

TEST(Reshape, CopiedDynamicExtentsCancelOut) {
  const OpCase reshape{"Reshape", "special_zero=true", {Tensor(), i64({0, -1})}};
  const TensorType pattern{DataType::kI64, {2}};
  EXPECT_EQ(infer(reshape, {{DataType::kF32, {kDynamic, 3, 4}}, pattern})[0].shape, (Shape{kDynamic, 12}));
  EXPECT_EQ(infer(reshape, {{DataType::kF32, {2, kDynamic, 4}}, pattern})[0].shape, (Shape{2, kDynamic}));
}

TEST(Transpose, Orders) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"Transpose", "", {x, i64({1, 0})}}, {f32({3, 2}, {0, 3, 1, 4, 2, 5})});
  expect_outputs({"Transpose", "", {x, i64({})}}, {f32({3, 2}, {0, 3, 1, 4, 2, 5})});
  const Tensor bytes = Tensor::of<std::uint8_t>({1, 2, 2}, {1, 2, 3, 4});
  expect_outputs({"Transpose", "", {bytes, i64({2, 0, 1})}}, {Tensor::of<std::uint8_t>({2, 1, 2}, {1, 3, 2, 4})});
  expect_invalid({"Transpose", "", {x, i64({0})}}, "order has 1 values");
  expect_invalid({"Transpose", "", {x, i64({0, 0})}}, "name axis 0 twice");
  expect_invalid({"Transpose", "", {x, i64({0, 2})}}, "order is 2");
}

TEST(Squeeze, DropsAxes) {
  const Tensor x = ramp({1, 2, 1, 3});
  expect_outputs({"Squeeze", "", {x}}, {ramp({2, 3})});
  expect_outputs({"Squeeze", "", {x, i64({-2})}}, {ramp({1, 2, 3})});
  expect_outputs({"Squeeze", "", {x, i64({})}}, {ramp({2, 3})});
  expect_invalid({"Squeeze", "", {x, i64({1})}}, "has extent 2, expected 1");
  expect_invalid({"Squeeze", "", {x, i64({4})}}, "axes is 4");
  EXPECT_EQ(
      infer({"Squeeze", "", {Tensor(), i64({0})}}, {{DataType::kF32, {kDynamic, 5}}, {DataType::kI64, {1}}})[0].shape,
      (Shape{5}));
}

TEST(Unsqueeze, InsertsAxes) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"Unsqueeze", "", {x, i64({0, 3})}}, {ramp({1, 2, 3, 1})});
  expect_outputs({"Unsqueeze", "", {x, i64({-1})}}, {ramp({2, 3, 1})});
  expect_outputs({"Unsqueeze", "", {f32({}, {1}), Tensor::scalar<std::int64_t>(0)}}, {f32({1}, {1})});
  expect_invalid({"Unsqueeze", "", {x, i64({3})}}, "axes is 3");
  expect_invalid({"Unsqueeze", "", {x, i64({1, 1})}}, "name axis 1 twice");
}

TEST(ShapeOf, OutputTypes) {
  const Tensor x = ramp({2, 3, 4});
  expect_outputs({"ShapeOf", "", {x}, 1}, {i64({2, 3, 4})});
  expect_outputs({"ShapeOf", "output_type=i32", {x}, 3}, {Tensor::of<std::int32_t>({3}, {2, 3, 4})});
  expect_outputs({"ShapeOf", "", {f32({}, {1})}}, {i64({})});
  expect_invalid({"ShapeOf", "output_type=f32", {x}}, "expected i32 or i64");
}

TEST(Broadcast, Modes) {
  const Tensor x = f32({2, 1}, {1, 2});
  expect_outputs({"Broadcast", "", {x, i64({2, 3})}}, {f32({2, 3}, {1, 1, 1, 2, 2, 2})});
  expect_outputs({"Broadcast", "mode=bidirectional", {x, i64({1, 1, 2})}}, {f32({1, 2, 2}, {1, 1, 2, 2})});
  expect_outputs({"Broadcast", "mode=explicit", {f32({2}, {1, 2}), i64({2, 3}), i64({0})}},
                 {f32({2, 3}, {1, 1, 1, 2, 2, 2})});
  expect_invalid({"Broadcast", "", {x, i64({1, 3})}}, "does not broadcast to [1,3]");
  expect_invalid({"Broadcast", "", {x, i64({-1, 3})}}, "target shape is -1");
  expect_invalid({"Broadcast", "mode=explicit", {x, i64({2, 3})}}, "axes_mapping is missing");
  expect_invalid({"Broadcast", "mode=explicit", {x, i64({2, 3}), i64({0})}}, "axes_mapping has 1 values");
  expect_invalid({"Broadcast", "mode=explicit", {x, i64({2, 3}), i64({1, 0})}}, "must ascend");
}

TEST(Range, FloatsAndIntegers) {
  const auto scalar = [](std::int64_t value) { return Tensor::scalar(value); };
  expect_outputs({"Range", "output_type=i64", {scalar(2), scalar(9), scalar(3)}}, {i64({2, 5, 8})});
  expect_outputs({"Range", "output_type=i32", {scalar(3), scalar(0), scalar(-2)}},
                 {Tensor::of<std::int32_t>({2}, {3, 1})});
  expect_outputs({"Range", "", {scalar(3), scalar(3), scalar(1)}, 1}, {i64({})});
  expect_outputs({"Range", "output_type=f32", {Tensor::scalar(0.5F), Tensor::scalar(2.0F), Tensor::scalar(0.5F)}},
                 {f32({3}, {0.5F, 1, 1.5F})});
  expect_invalid({"Range", "output_type=i64", {scalar(0), scalar(1), scalar(0)}}, "no finite number");
  expect_invalid({"Range", "output_type=i64", {scalar(0), scalar(std::int64_t{1} << 60), scalar(1)}},
                 "no finite number");
  expect_invalid({"Range", "output_type=i64", {scalar(0), i64({1, 2}), scalar(1)}}, "stop has 2 values");
}

TEST(NonZero, CountsWhenItRuns) {
  const Tensor x = f32({2, 3}, {0, 1, 0, 2, 0, 3});
  expect_outputs({"NonZero", "output_type=i64", {x}}, {i64({2, 3}, {0, 1, 1, 1, 0, 2})});
  expect_outputs({"NonZero", "output_type=i64", {Tensor::scalar(2.0F)}}, {i64({0, 1}, {})});
  EXPECT_EQ(infer({"NonZero", "", {x}, 0, {0}})[0].shape, (Shape{2, kDynamic}));
  expect_invalid({"NonZero", "output_type=f32", {x}}, "output_type is f32");
}

TEST(ShapesFromData, AreOpenUntilItIsKnown) {
  const Tensor x = f32({2, 3}, {0, 1, 0, 2, 0, 3});
  const Tensor two = i64({2, 3});
  EXPECT_EQ(infer({"Reshape", "", {x, two}, 0, {1}})[0].shape, (Shape{kDynamic, kDynamic}));
  EXPECT_EQ(infer({"Broadcast", "", {x, two}, 0, {1}})[0].shape, (Shape{kDynamic, kDynamic}));
  EXPECT_EQ(infer({"TopK", "axis=1", {x, Tensor::scalar<std::int64_t>(2)}, 0, {1}})[0].shape, (Shape{2, kDynamic}));
  EXPECT_EQ(infer({"Range", "output_type=i64", {two, two, two}, 0, {0, 1, 2}})[0].shape, (Shape{kDynamic}));
  expect_refused({"Tile", "", {x, two}, 0, {1}}, ErrorCode::kUnsupported, "needs constant");
}

}  // namespace
}  // namespace fovea::test
