// Operators that read or write at positions that are data, and those that permute positions.
#include <gtest/gtest.h>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

void expect_run_refused(const OpCase& op_case, std::string_view text) {
  try {
    run(op_case);
    ADD_FAILURE() << op_case.op << " accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(Slice, AxesAndSteps) {
  const Tensor x = ramp({2, 4});
  expect_outputs({"Slice", "", {x, i64({1}), i64({-1}), i64({1}), i64({1})}}, {f32({2, 2}, {1, 2, 5, 6})});
  expect_outputs({"Slice", "", {x, i64({-1, 3}), i64({-9, 0}), i64({-1, -2})}}, {f32({2, 2}, {7, 5, 3, 1})});
  expect_invalid({"Slice", "", {x, i64({0}), i64({1}), i64({0})}}, "a slice step is 0");
  expect_invalid({"Slice", "", {x, i64({0}), i64({1, 2}), i64({1})}}, "expected as many");
  expect_invalid({"Slice", "", {x, i64({0}), i64({1}), i64({1}), i64({2})}}, "axes is 2");
}

TEST(Reverse, AxesOrMask) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"Reverse", "mode=index", {x, i64({1})}}, {f32({2, 3}, {2, 1, 0, 5, 4, 3})});
  expect_outputs({"Reverse", "mode=mask", {x, boolean({2}, {true, false})}}, {f32({2, 3}, {3, 4, 5, 0, 1, 2})});
  expect_invalid({"Reverse", "mode=index", {x, i64({2})}}, "axes is 2");
  expect_invalid({"Reverse", "mode=mask", {x, boolean({1}, {true})}}, "the mask has 1 values");
}

TEST(DepthToSpace, ModesAndInverse) {
  const Tensor x = ramp({1, 8, 1, 1});
  expect_outputs({"DepthToSpace", "block_size=2 mode=blocks_first", {x}},
                 {f32({1, 2, 2, 2}, {0, 2, 4, 6, 1, 3, 5, 7})});
  expect_outputs({"DepthToSpace", "block_size=2 mode=depth_first", {x}}, {ramp({1, 2, 2, 2})});
  const Tensor image = noise({2, 3, 4, 6});
  for (const char* mode : {"blocks_first", "depth_first"}) {
    const std::string attributes = std::string("block_size=2 mode=") + mode;
    const Tensor deep = run({"SpaceToDepth", attributes, {image}})[0];
    EXPECT_EQ(deep.shape(), (Shape{2, 12, 2, 3}));
    expect_outputs({"DepthToSpace", attributes, {deep}}, {image});
  }
  expect_outputs({"SpaceToDepth", "block_size=2 mode=blocks_first", {ramp({1, 1, 2, 2})}}, {ramp({1, 4, 1, 1})});
  expect_invalid({"DepthToSpace", "block_size=3", {x}}, "do not divide by 3");
  expect_invalid({"SpaceToDepth", "block_size=0", {x}}, "block_size is 0");
  expect_invalid({"SpaceToDepth", "block_size=2", {x}}, "does not divide by 2");
}

TEST(ShuffleChannels, Transposes) {
  const Tensor x = ramp({1, 6, 1});
  expect_outputs({"ShuffleChannels", "axis=1 group=2", {x}}, {f32({1, 6, 1}, {0, 3, 1, 4, 2, 5})});
  expect_outputs({"ShuffleChannels", "axis=-2 group=3", {x}}, {f32({1, 6, 1}, {0, 2, 4, 1, 3, 5})});
  expect_invalid({"ShuffleChannels", "axis=1 group=4", {x}}, "does not divide into 4");
  expect_invalid({"ShuffleChannels", "axis=1 group=0", {x}}, "group is 0");
}

TEST(ScatterUpdate, ReplacesSlices) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"ScatterUpdate", "", {x, i64({2, 0}), f32({2, 2}, {10, 11, 12, 13}), i64({1})}},
                 {f32({2, 3}, {11, 1, 10, 13, 4, 12})});
  expect_invalid({"ScatterUpdate", "", {x, i64({2}), f32({2, 2}, {0, 0, 0, 0}), i64({1})}}, "expected [2,1]");
  expect_run_refused({"ScatterUpdate", "", {x, i64({3}), f32({2, 1}, {0, 0}), i64({1})}}, "index 3 is outside");
}

TEST(ScatterElementsUpdate, ReplacesOrCombines) {
  const Tensor x = f32({1, 4}, {1, 2, 3, 4});
  const Tensor where = i64({1, 3}, {1, 1, -1});
  const Tensor updates = f32({1, 3}, {10, 20, 30});
  const auto scatter = [&](const std::string& attributes, const std::vector<float>& expected) {
    expect_outputs({"ScatterElementsUpdate", attributes, {x, where, updates, i64({1})}}, {f32({1, 4}, expected)});
  };
  scatter("", {1, 20, 3, 30});
  scatter("reduction=sum", {1, 32, 3, 34});
  scatter("reduction=prod", {1, 400, 3, 120});
  scatter("reduction=max use_init_val=true", {1, 20, 3, 30});
  scatter("reduction=min use_init_val=false", {1, 10, 3, 30});
  scatter("reduction=mean", {1, 32.0F / 3, 3, 17});
  scatter("reduction=mean use_init_val=false", {1, 15, 3, 30});
  expect_invalid({"ScatterElementsUpdate", "", {x, where, updates.reshaped({3}), i64({1})}}, "do not fit");
  expect_run_refused({"ScatterElementsUpdate", "", {x, i64({1, 1}, {-5}), f32({1, 1}, {0}), i64({1})}},
                     "index -5 is outside");
}

TEST(ScatterNDUpdate, ReplacesAtCoordinates) {
  const Tensor x = ramp({2, 2, 2});
  expect_outputs({"ScatterNDUpdate", "", {x, i64({2, 2}, {0, 1, 1, 0}), f32({2, 2}, {10, 11, 12, 13})}},
                 {f32({2, 2, 2}, {0, 1, 10, 11, 12, 13, 6, 7})});
  expect_outputs({"ScatterNDUpdate", "", {x, i64({1, 3}, {1, 1, -1}), f32({1}, {9})}},
                 {f32({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 9})});
  expect_invalid({"ScatterNDUpdate", "", {x, i64({1, 4}, {0, 0, 0, 0}), f32({1}, {9})}}, "is 4, expected 0 to 3");
  expect_invalid({"ScatterNDUpdate", "", {x, i64({1, 1}, {0}), f32({1}, {9})}}, "expected [1,2,2]");
}

TEST(GatherND, CoordinatesAndBatches) {
  const Tensor x = ramp({2, 2, 2});
  expect_outputs({"GatherND", "", {x, i64({2, 2}, {0, 1, 1, 0})}}, {f32({2, 2}, {2, 3, 4, 5})});
  expect_outputs({"GatherND", "batch_dims=1", {x, i64({2, 1}, {1, 0})}}, {f32({2, 2}, {2, 3, 4, 5})});
  const Tensor deep = i64({2, 2, 1}, {1, 0, 0, 1});
  expect_outputs({"GatherND", "batch_dims=2", {x, deep}, 8}, {f32({2, 2}, {1, 2, 4, 7})});
  expect_outputs({"GatherND", "batch_dims=2", {x, deep}, 5}, {f32({4}, {1, 2, 4, 7})});
  expect_invalid({"GatherND", "batch_dims=2", {x, i64({2, 1}, {1, 0})}}, "batch_dims is 2");
  expect_invalid({"GatherND", "batch_dims=1", {x, i64({3, 1}, {0, 0, 0})}}, "differ in the first 1 axes");
  expect_run_refused({"GatherND", "", {x, i64({1, 1}, {2})}}, "index 2 is outside");
}

TEST(GatherElements, AlongAnAxis) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"GatherElements", "axis=1", {x, i64({2, 2}, {2, 0, -1, 1})}}, {f32({2, 2}, {2, 0, 5, 4})});
  expect_outputs({"GatherElements", "axis=0", {x, i64({1, 3}, {1, 0, 1})}}, {f32({1, 3}, {3, 1, 5})});
  expect_invalid({"GatherElements", "axis=1", {x, i64({1, 3}, {0, 0, 0})}}, "do not fit");
  expect_run_refused({"GatherElements", "axis=1", {x, i64({2, 1}, {3, 0})}}, "index 3 is outside");
}

TEST(OneHot, PlacesAndOutOfRange) {
  const Tensor depth = Tensor::scalar<std::int64_t>(3);
  const Tensor on = Tensor::scalar(2.0F);
  const Tensor off = Tensor::scalar(-1.0F);
  expect_outputs({"OneHot", "axis=-1", {i64({1, 5}), depth, on, off}}, {f32({2, 3}, {-1, 2, -1, -1, -1, -1})});
  expect_outputs({"OneHot", "axis=0", {i64({1, 2}), depth, on, off}}, {f32({3, 2}, {-1, -1, 2, -1, -1, 2})});
  expect_invalid({"OneHot", "axis=2", {i64({1}), depth, on, off}}, "axis is 2");
  expect_invalid({"OneHot", "", {i64({1}), i64({-1}), on, off}}, "depth is -1");
}

TEST(CumSum, Directions) {
  const Tensor x = f32({1, 3}, {1, 2, 4});
  const Tensor axis = Tensor::scalar<std::int64_t>(1);
  expect_outputs({"CumSum", "", {x, axis}}, {f32({1, 3}, {1, 3, 7})});
  expect_outputs({"CumSum", "exclusive=true", {x, axis}}, {f32({1, 3}, {0, 1, 3})});
  expect_outputs({"CumSum", "reverse=true", {x, axis}}, {f32({1, 3}, {7, 6, 4})});
  expect_outputs({"CumSum", "reverse=true exclusive=true", {x, axis}}, {f32({1, 3}, {6, 4, 0})});
  expect_outputs({"CumSum", "", {i64({1, 2})}}, {i64({1, 3})});
  expect_invalid({"CumSum", "", {x, i64({2})}}, "axis is 2");
}

}  // namespace
}  // namespace fovea::test
