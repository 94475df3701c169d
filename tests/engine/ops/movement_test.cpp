// Operators that move elements: slices, gathers, pads, splits, repetitions, orderings.
#include <gtest/gtest.h>

#include <limits>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

TEST(Concat, AlongAnAxis) {
  const Tensor a = ramp({2, 1, 2});
  const Tensor b = ramp({2, 2, 2}, 10);
  expect_outputs({"Concat", "axis=1", {a, b}}, {f32({2, 3, 2}, {0, 1, 10, 11, 12, 13, 2, 3, 14, 15, 16, 17})});
  expect_outputs({"Concat", "axis=-1", {i64({1, 2}), i64({3})}}, {i64({1, 2, 3})});
  expect_invalid({"Concat", "axis=0", {a, b}}, "except along axis 0");
  expect_invalid({"Concat", "axis=3", {a, b}}, "axis is 3");
  expect_invalid({"Concat", "axis=0", {a, i64({1})}}, "expected one element type");
  EXPECT_EQ(infer({"Concat", "axis=0", {}}, {{DataType::kF32, {2, kDynamic}}, {DataType::kF32, {3, 4}}})[0].shape,
            (Shape{5, 4}));
}

TEST(StridedSlice, RangesAndMasks) {
  const Tensor x = ramp({3, 4});
  const auto max = std::numeric_limits<std::int64_t>::max();
  expect_outputs({"StridedSlice", "begin_mask=0,0 end_mask=0,0", {x, i64({1, 1}), i64({3, 3})}},
                 {f32({2, 2}, {5, 6, 9, 10})});
  expect_outputs({"StridedSlice", "", {x, i64({-1}), i64({max})}}, {f32({1, 4}, {8, 9, 10, 11})});
  expect_outputs({"StridedSlice", "", {x, i64({0, 3}), i64({3, -100}), i64({2, -2})}}, {f32({2, 2}, {3, 1, 11, 9})});
  expect_outputs({"StridedSlice", "begin_mask=1 end_mask=1,1", {x, i64({2, 2}), i64({1, 1}), i64({1, 1})}},
                 {f32({3, 2}, {2, 3, 6, 7, 10, 11})});
  expect_outputs({"StridedSlice", "begin_mask=1,1 end_mask=1,1", {x, i64({0, 0}), i64({0, 0}), i64({-1, -1})}},
                 {ramp({3, 4}, 11, -1)});
  expect_outputs({"StridedSlice", "", {i64({7, 8, 9, 10}), i64({2}), i64({4})}}, {i64({9, 10})});
  expect_outputs({"StridedSlice", "", {x, i64({2}), i64({1})}}, {Tensor(DataType::kF32, {0, 4})});
}

TEST(StridedSlice, NewShrunkAndEllipsisAxes) {
  const Tensor x = ramp({2, 2, 3});
  expect_outputs({"StridedSlice", "shrink_axis_mask=1", {x, i64({-1}), i64({0})}}, {ramp({2, 3}, 6)});
  expect_outputs({"StridedSlice", "new_axis_mask=1 begin_mask= end_mask=", {x, i64({0}), i64({0})}},
                 {ramp({1, 2, 2, 3})});
  expect_outputs({"StridedSlice", "ellipsis_mask=1,0 shrink_axis_mask=0,1", {x, i64({0, 1}), i64({0, 2})}},
                 {f32({2, 2}, {1, 4, 7, 10})});
  expect_outputs(
      {"StridedSlice", "ellipsis_mask=0,1 new_axis_mask=0,0,1 shrink_axis_mask=1", {x, i64({1, 0, 0}), i64({2, 0, 0})}},
      {ramp({2, 3, 1}, 6)});
}

TEST(StridedSlice, Refusals) {
  const Tensor x = ramp({2, 3});
  expect_invalid({"StridedSlice", "", {x, i64({0}), i64({1}), i64({0})}}, "a slice step is 0");
  expect_invalid({"StridedSlice", "", {x, i64({0, 0, 0}), i64({1, 1, 1})}}, "addresses 3 axes");
  expect_invalid({"StridedSlice", "", {x, i64({0}), i64({1, 1})}}, "expected as many");
  expect_invalid({"StridedSlice", "shrink_axis_mask=1", {x, i64({2}), i64({3})}}, "begin 2 is outside an axis of 2");
  expect_invalid({"StridedSlice", "ellipsis_mask=1,1", {x, i64({0, 0}), i64({0, 0})}}, "more than one 1");
  expect_refused({"StridedSlice", "", {x, i64({0}), i64({1})}, 0, {1}}, ErrorCode::kUnsupported,
                 "needs constant begin");
}

TEST(Gather, AxesAndBatches) {
  const Tensor x = ramp({2, 3});
  const Tensor axis0 = Tensor::scalar<std::int64_t>(0);
  const Tensor axis1 = i64({1});
  expect_outputs({"Gather", "", {x, i64({1, 0, 1}), axis0}}, {f32({3, 3}, {3, 4, 5, 0, 1, 2, 3, 4, 5})});
  expect_outputs({"Gather", "", {x, i64({2, 1}, {2, 0}), axis1}}, {f32({2, 2, 1}, {2, 0, 5, 3})});
  expect_outputs({"Gather", "", {x, Tensor::scalar<std::int64_t>(-1), axis1}}, {f32({2}, {2, 5})});
  expect_outputs({"Gather", "batch_dims=1", {x, i64({2, 2}, {2, 0, 1, 1}), axis1}}, {f32({2, 2}, {2, 0, 4, 4})});
  expect_outputs({"Gather", "batch_dims=-1", {x, i64({2, 2}, {2, 0, 1, 1}), axis1}}, {f32({2, 2}, {2, 0, 4, 4})});
}

TEST(Gather, OutsideGivesZeros) {
  const Tensor x = ramp({3}, 1);
  const Tensor axis = Tensor::scalar<std::int64_t>(0);
  expect_outputs({"Gather", "", {x, i64({-1, -4, 3}), axis}, 8}, {f32({3}, {3, 0, 0})});
  expect_outputs({"Gather", "", {x, i64({-1, 2}), axis}, 1}, {f32({2}, {0, 3})});
}

TEST(Gather, Refusals) {
  const Tensor x = ramp({2, 3});
  expect_invalid({"Gather", "", {x, i64({0}), i64({2})}}, "axis is 2");
  expect_invalid({"Gather", "batch_dims=2", {x, i64({0}), i64({1})}}, "batch_dims is 2");
  expect_invalid({"Gather", "batch_dims=1", {x, i64({0}), i64({0})}}, "batch_dims is 1");
  expect_invalid({"Gather", "batch_dims=1", {x, i64({3, 1}, {0, 0, 0}), i64({1})}}, "differ along batch axis 0");
}

TEST(Split, EqualAndGivenParts) {
  const Tensor x = ramp({2, 4});
  const Tensor axis = Tensor::scalar<std::int64_t>(-1);
  expect_outputs({"Split", "num_splits=2", {x, axis}}, {f32({2, 2}, {0, 1, 4, 5}), f32({2, 2}, {2, 3, 6, 7})});
  expect_outputs({"VariadicSplit", "", {x, axis, i64({1, -1, 0})}},
                 {f32({2, 1}, {0, 4}), f32({2, 3}, {1, 2, 3, 5, 6, 7}), Tensor(DataType::kF32, {2, 0})});
  expect_invalid({"Split", "num_splits=3", {x, axis}}, "does not divide");
  expect_invalid({"Split", "num_splits=0", {x, axis}}, "num_splits is 0");
  expect_invalid({"Split", "num_splits=2", {x, Tensor::scalar<std::int64_t>(2)}}, "axis is 2");
  expect_invalid({"VariadicSplit", "", {x, axis, i64({1, 2})}}, "add up to 3");
  expect_invalid({"VariadicSplit", "", {x, axis, i64({5, -1})}}, "add up to 5");
  expect_invalid({"VariadicSplit", "", {x, axis, i64({-1, -1})}}, "more than one -1");
  expect_invalid({"VariadicSplit", "", {x, axis, i64({-2, 6})}}, "a split length is -2");
}

TEST(Tile, RanksMayDiffer) {
  expect_outputs({"Tile", "", {f32({1, 2}, {1, 2}), i64({2})}}, {f32({1, 4}, {1, 2, 1, 2})});
  expect_outputs({"Tile", "", {f32({2}, {1, 2}), i64({2, 1})}}, {f32({2, 2}, {1, 2, 1, 2})});
  expect_outputs({"Tile", "", {f32({2}, {1, 2}), i64({0})}}, {Tensor(DataType::kF32, {0})});
  expect_invalid({"Tile", "", {f32({2}, {1, 2}), i64({-1})}}, "repeats is -1");
}

TEST(Pad, Modes) {
  const Tensor x = f32({1, 3}, {1, 2, 3});
  const Tensor begin = i64({0, 2});
  const Tensor end = i64({0, 1});
  expect_outputs({"Pad", "pad_mode=constant", {x, begin, end, Tensor::scalar(9.0F)}},
                 {f32({1, 6}, {9, 9, 1, 2, 3, 9})});
  expect_outputs({"Pad", "pad_mode=constant", {x, begin, end}}, {f32({1, 6}, {0, 0, 1, 2, 3, 0})});
  expect_outputs({"Pad", "pad_mode=edge", {x, begin, end}}, {f32({1, 6}, {1, 1, 1, 2, 3, 3})});
  expect_outputs({"Pad", "pad_mode=reflect", {x, begin, end}}, {f32({1, 6}, {3, 2, 1, 2, 3, 2})});
  expect_outputs({"Pad", "pad_mode=symmetric", {x, begin, end}}, {f32({1, 6}, {2, 1, 1, 2, 3, 3})});
  expect_outputs({"Pad", "pad_mode=constant", {x, i64({1, -1}), i64({0, -1})}}, {f32({2, 1}, {0, 2})});
}

TEST(Pad, Refusals) {
  const Tensor x = f32({1, 3}, {1, 2, 3});
  expect_invalid({"Pad", "pad_mode=reflect", {x, i64({0, 3}), i64({0, 0})}}, "pads_begin is 3");
  expect_invalid({"Pad", "pad_mode=symmetric", {x, i64({0, 0}), i64({0, 4})}}, "pads_end is 4");
  expect_invalid({"Pad", "pad_mode=constant", {x, i64({0}), i64({0, 0})}}, "have 1 and 2 values");
  expect_invalid({"Pad", "pad_mode=constant", {x, i64({0, -2}), i64({0, -2})}}, "leave nothing");
  expect_invalid({"Pad", "pad_mode=edge", {Tensor(DataType::kF32, {0}), i64({1}), i64({0})}}, "pads_begin is 1");
  expect_invalid({"Pad", "pad_mode=constant", {x, i64({0, 0}), i64({0, 0}), i64({1})}}, "one element type");
}

TEST(TopK, OrdersAndTies) {
  const Tensor x = f32({1, 5}, {3, 1, 5, 5, 2});
  const Tensor k = Tensor::scalar<std::int64_t>(3);
  const auto positions = [](std::vector<std::int32_t> values) { return Tensor::of<std::int32_t>({1, 3}, values); };
  expect_outputs({"TopK", "axis=1 mode=max sort=value", {x, k}}, {f32({1, 3}, {5, 5, 3}), positions({2, 3, 0})});
  expect_outputs({"TopK", "axis=-1 mode=min sort=value", {x, k}}, {f32({1, 3}, {1, 2, 3}), positions({1, 4, 0})});
  expect_outputs({"TopK", "axis=1 mode=max sort=index index_element_type=i64", {x, k}},
                 {f32({1, 3}, {3, 5, 5}), i64({1, 3}, {0, 2, 3})});
  expect_outputs({"TopK", "axis=0 mode=max sort=none", {f32({2, 2}, {1, 4, 3, 2}), i64({1})}}, {f32({1, 2}, {3, 4})});
  expect_invalid({"TopK", "axis=1 mode=max sort=value", {x, i64({6})}}, "k is 6");
  expect_invalid({"TopK", "axis=2 mode=max sort=value", {x, k}}, "axis is 2");
}

}  // namespace
}  // namespace fovea::test
