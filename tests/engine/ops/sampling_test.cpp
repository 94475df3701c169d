// Einsum, GridSample, ReverseSequence, combining scatters, bits and special numbers.
#include <gtest/gtest.h>

#include <limits>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

TEST(Einsum, ProductsDiagonalsAndEllipsis) {
  const Tensor a = ramp({2, 3});
  const Tensor b = ramp({3, 2});
  expect_outputs({"Einsum", "equation=ij,jk->ik", {a, b}}, {run({"MatMul", "", {a, b}})[0]});
  expect_outputs({"Einsum", "equation=ij->ji", {a}}, {f32({3, 2}, {0, 3, 1, 4, 2, 5})});
  expect_outputs({"Einsum", "equation=ij", {a}}, {a});
  expect_outputs({"Einsum", "equation=ij->", {a}}, {f32({}, {15})});
  expect_outputs({"Einsum", "equation=...ii->...i", {ramp({2, 2, 2})}}, {f32({2, 2}, {0, 3, 4, 7})});
  expect_outputs({"Einsum", "equation=...j,j->...", {ramp({2, 2, 3}), f32({3}, {1, 0, 2})}},
                 {f32({2, 2}, {4, 13, 22, 31})});
  expect_outputs({"Einsum", "equation=i,i", {f32({2}, {2, 3}), f32({2}, {4, 5})}}, {f32({}, {23})});
}

TEST(Einsum, RefusesNonsense) {
  expect_invalid({"Einsum", "equation=ij,jk->ik", {ramp({2, 3})}}, "2 terms, there are 1 inputs");
  expect_invalid({"Einsum", "equation=ijk->i", {ramp({2, 3})}}, "the equation gives it 3 axes");
  expect_invalid({"Einsum", "equation=ij->ii", {ramp({2, 3})}}, "repeats an axis");
  expect_invalid({"Einsum", "equation=ij->k", {ramp({2, 3})}}, "names an unknown one");
  expect_invalid({"Einsum", "equation=i?->i", {ramp({2, 3})}}, "expected letters");
  expect_invalid({"Einsum", "equation=ij,jk->ik", {ramp({2, 3}), ramp({4, 2})}}, "an axis has 4");
}

/// One row of sampling positions, all in the middle of the height.
Tensor grid(const std::vector<float>& columns) {
  std::vector<float> values;
  for (const float x : columns) {
    values.insert(values.end(), {x, 0});
  }
  return f32({1, 1, static_cast<std::int64_t>(columns.size()), 2}, values);
}

TEST(GridSample, ModesAndPadding) {
  const Tensor row = f32({1, 1, 1, 4}, {1, 2, 3, 4});
  // The corners of the outermost elements are at ±1: the centres at ±0.75 and ±0.25.
  expect_outputs({"GridSample", "mode=bilinear", {row, grid({-0.75, -0.5, 0.25, 1})}},
                 {f32({1, 1, 1, 4}, {1, 1.5, 3, 2})});
  expect_outputs({"GridSample", "mode=bilinear padding_mode=border", {row, grid({-2, 1})}},
                 {f32({1, 1, 1, 2}, {1, 4})});
  expect_outputs({"GridSample", "mode=nearest padding_mode=reflection", {row, grid({-1.25, 1.75})}},
                 {f32({1, 1, 1, 2}, {1, 3})});
  // With aligned corners the outermost centres are at ±1.
  expect_outputs({"GridSample", "mode=bilinear align_corners=true", {row, grid({-1, 0, 1})}},
                 {f32({1, 1, 1, 3}, {1, 2.5, 4})});
  // A cubic through equally spaced points of a line is the line.
  expect_outputs({"GridSample", "mode=bicubic padding_mode=border", {row, grid({0})}}, {f32({1, 1, 1, 1}, {2.5})});
  expect_outputs({"GridSample", "", {row, grid({std::numeric_limits<float>::quiet_NaN(), 1e30F})}},
                 {f32({1, 1, 1, 2}, {0, 0})});
  expect_invalid({"GridSample", "", {row, ramp({1, 1, 1, 3})}}, "expected [1,H,W,2]");
}

TEST(ReverseSequence, EachEntryByItsLength) {
  const Tensor x = ramp({2, 3});
  expect_outputs({"ReverseSequence", "batch_axis=0 seq_axis=1", {x, i64({2, 3})}}, {f32({2, 3}, {1, 0, 2, 5, 4, 3})});
  expect_outputs({"ReverseSequence", "batch_axis=1 seq_axis=0", {x, i64({0, 1, 2})}},
                 {f32({2, 3}, {0, 1, 5, 3, 4, 2})});
  expect_invalid({"ReverseSequence", "", {x, i64({1})}}, "expected 2, one per batch entry");
  EXPECT_THROW(run({"ReverseSequence", "", {x, i64({1, 4})}}), Error);
}

TEST(ScatterNDUpdate, Combines) {
  const Tensor x = f32({3}, {1, 2, 3});
  const Tensor indices = i64({2, 1}, {1, 1});
  const Tensor updates = f32({2}, {5, 7});
  expect_outputs({"ScatterNDUpdate", "", {x, indices, updates}}, {f32({3}, {1, 7, 3})});
  expect_outputs({"ScatterNDUpdate", "reduction=sum", {x, indices, updates}}, {f32({3}, {1, 14, 3})});
  expect_outputs({"ScatterNDUpdate", "reduction=sub", {x, indices, updates}}, {f32({3}, {1, -10, 3})});
  expect_outputs({"ScatterNDUpdate", "reduction=prod", {x, indices, updates}}, {f32({3}, {1, 70, 3})});
  expect_outputs({"ScatterNDUpdate", "reduction=max", {x, indices, updates}}, {f32({3}, {1, 7, 3})});
  expect_outputs({"ScatterNDUpdate", "reduction=min", {i64({1, 2}), i64({1, 1}, {0}), i64({-1})}}, {i64({-1, 2})});
  expect_invalid({"ScatterNDUpdate", "reduction=mean", {x, indices, updates}}, "reduction is mean");
}

TEST(Bitwise, ShiftsAndLogic) {
  const Tensor a = Tensor::of<std::uint8_t>({3}, {0x81, 0x0F, 0xFF});
  const Tensor b = Tensor::of<std::uint8_t>({3}, {1, 4, 8});
  expect_outputs({"BitwiseLeftShift", "", {a, b}}, {Tensor::of<std::uint8_t>({3}, {0x02, 0xF0, 0})});
  expect_outputs({"BitwiseRightShift", "", {a, b}}, {Tensor::of<std::uint8_t>({3}, {0x40, 0, 0})});
  const std::uint64_t top = std::uint64_t{1} << 63U;
  expect_outputs(
      {"BitwiseRightShift", "", {Tensor::of<std::uint64_t>({1}, {top}), Tensor::of<std::uint64_t>({1}, {63})}},
      {Tensor::of<std::uint64_t>({1}, {1})});
  expect_outputs({"BitwiseRightShift", "", {i64({-8}), i64({1})}}, {i64({-4})});
  expect_outputs({"BitwiseLeftShift", "", {i64({1, 1}), i64({64, -1})}}, {i64({0, 0})});
  expect_outputs({"BitwiseAnd", "", {i64({12}), i64({10})}}, {i64({8})});
  expect_outputs({"BitwiseOr", "", {i64({12}), i64({10})}}, {i64({14})});
  expect_outputs({"BitwiseXor", "", {i64({12}), i64({10})}}, {i64({6})});
  expect_invalid({"BitwiseAnd", "", {f32({1}, {1}), f32({1}, {1})}}, "expected integers");
}

TEST(SpecialNumbers, AreFound) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor x = f32({4}, {0, kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()});
  expect_outputs({"IsNaN", "", {x}}, {boolean({4}, {false, false, false, true})});
  expect_outputs({"IsInf", "", {x}}, {boolean({4}, {false, true, true, false})});
  expect_outputs({"IsInf", "detect_negative=false", {x}}, {boolean({4}, {false, true, false, false})});
  expect_outputs({"IsInf", "detect_positive=false", {x}}, {boolean({4}, {false, false, true, false})});
}

}  // namespace
}  // namespace fovea::test
