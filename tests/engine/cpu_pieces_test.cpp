// Pictures that are computed and read as pieces of larger ones, against the reference interpreter: what is moved and
// what is not, and that nothing beside a piece is touched.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

/// Compares all outputs and expects the Concat and Split nodes to have these kernels, in this order.
void agrees(const std::vector<std::string>& expected, const std::string& text) {
  SCOPED_TRACE(text);
  Graph graph = parse_graph(text);
  randomise_constants(graph, 5);
  std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 23);
  std::erase_if(kernels,
                [](const std::string& name) { return !name.starts_with("concat") && !name.starts_with("split"); });
  EXPECT_EQ(kernels, expected);
}

const std::string kInPlace = "concat (in place)";
const std::string kSplitInPlace = "split (in place)";

/// A 1x1 convolution `name` from `x`.
std::string one(const std::string& name, const std::string& x, int depth, int outputs, const std::string& rest = "") {
  return fmt::format("{0} = Convolution({1}, {0}w: f32[{3},{2},1,1]{{0}}) | add({0}b: f32[1,{3},1,1]{{0}}){4}\n", name,
                     x, depth, outputs, rest);
}

/// A 3x3 convolution with padding, by Winograd's method.
std::string three(const std::string& name, const std::string& x, int channels, const std::string& rest = "") {
  return fmt::format("{0} = Convolution({1}, {0}w: f32[{2},{2},3,3]{{0}}) pads_begin=1,1 pads_end=1,1{3}\n", name, x,
                     channels, rest);
}

TEST(CpuPieces, ConcatOfConvolutionsMovesNothing) {
  for (const auto& [a, b] : {std::pair(16, 32), {5, 3}, {33, 1}, {1, 17}, {31, 64}}) {
    agrees({kInPlace}, one("a", "x: f32[2,6,7,9]", 6, a, " | relu") + one("b", "x", 6, b, " | swish(1)") +
                           "y = Concat(a, b) axis=1\n" + one("z", "y", a + b, 4) + "-> z");
  }
  agrees({kInPlace}, three("a", "x: f32[2,32,24,22]", 32, " | relu") + three("b", "a", 32, " | mish") +
                         "y = Concat(a, b) axis=1\n" + three("z", "y", 64) + "-> z");
}

/// What most detectors of the YOLO family are made of.
TEST(CpuPieces, SplitConvolveAddAndConcat) {
  for (const std::string shape : {"1,16,24,24", "2,16,17,23"}) {
    agrees({kSplitInPlace, kInPlace},
           one("c", "x: f32[" + shape + "]", 16, 64, " | swish(1)") + "p, q = Split(c, i: i64[]{1}) num_splits=2\n" +
               three("d", "q", 32, " | swish(1)") + three("e", "d", 32, " | swish(1) | add(q)") +
               "y = Concat(p, q, e) axis=1\n" + one("z", "y", 96, 20) + "-> z");
  }
}

TEST(CpuPieces, PiecesAsOperands) {
  const std::string pieces = one("a", "x: f32[2,7,11,13]", 7, 40) + one("b", "x", 7, 24);
  const std::string joined = "y = Concat(a, b) axis=1\n" + one("z", "y", 64, 3);
  for (const std::string rest : {" | add(b)", " | add(b) | relu", " | swish(1) | multiply(b)", " | add(b) | sigmoid"}) {
    agrees({kInPlace}, pieces + joined + one("r", "a", 40, 24, rest) + "-> z, r");
  }
  agrees({kInPlace}, one("a", "x: f32[1,32,24,24]", 32, 40) + one("b", "x", 32, 32) + "y = Concat(a, b) axis=1\n" +
                         one("z", "y", 72, 3) + three("r", "x", 32, " | add(b) | relu") + "-> z, r");
}

TEST(CpuPieces, OtherReadersOfPieces) {
  const std::string joined =
      one("a", "x: f32[2,7,12,13]", 7, 20) + one("b", "x", 7, 35) + "y = Concat(b, a) axis=1\n" + one("z", "y", 55, 3);
  // Every other pixel, and factors of channels that go into weights.
  agrees({kInPlace}, joined + "r = Convolution(a, rw: f32[9,20,1,1]{0}) strides=2,2\n-> z, r");
  agrees({kInPlace}, one("a", "x: f32[1,7,12,13]", 7, 20) + one("b", "x", 7, 35) + "y = Concat(b, a) axis=1\n" +
                         one("z", "y", 55, 3) + "m = Multiply(a, f: f32[1,20,1,1])\n" + one("r", "m", 20, 9) +
                         "-> z, r");
  // Kernels that need pixels side by side: copied as ever.
  agrees({"concat (1 of 2 in place)"}, joined + "r = AvgPool(a) kernel=2,2 strides=2,2\n-> z, r");
  agrees({"concat (1 of 2 in place)"}, joined + "-> z, a");
}

TEST(CpuPieces, ResizedPiece) {
  const std::string resize =
      "u = Interpolate(a, s: i64[2]{10,14}, i: i64[2]{2,3}) mode=nearest shape_calculation_mode=sizes "
      "coordinate_transformation_mode=asymmetric nearest_mode=floor\n";
  agrees({kInPlace}, one("a", "x: f32[2,7,5,7]", 7, 19) + one("b", "v: f32[2,6,10,14]", 6, 12) + resize +
                         "y = Concat(u, b) axis=1\n" + one("z", "y", 31, 3) + "-> z");
  // Out of a piece into another.
  agrees({kInPlace, kInPlace}, one("a", "x: f32[2,7,5,7]", 7, 19) + one("c", "x", 7, 4) + "w = Concat(c, a) axis=1\n" +
                                   one("q", "w", 23, 3) + one("b", "v: f32[2,6,10,14]", 6, 12) + resize +
                                   "y = Concat(b, u) axis=1\n" + one("z", "y", 31, 3) + "-> z, q");
}

/// The two halves of a U.
TEST(CpuPieces, PoolsAndDeconvolutions) {
  agrees({kInPlace},
         one("a", "x: f32[2,7,8,12]", 7, 20, " | relu") + "p = MaxPool(a) kernel=2,2 strides=2,2\n" +
             one("b", "p", 20, 33) +
             "u = ConvolutionBackpropData(b, uw: f32[33,18,2,2]{0}) strides=2,2 | add(ub: f32[1,18,1,1]{0})\n"
             "y = Concat(u, a) axis=1\n" +
             one("z", "y", 38, 3) + "-> z");
  // Pools one after another, from piece to piece.
  const std::string pool = " kernel=5,5 strides=1,1 pads_begin=2,2 pads_end=2,2\n";
  agrees({kInPlace}, one("a", "x: f32[1,7,9,8]", 7, 20) + "p = MaxPool(a)" + pool + "q = MaxPool(p)" + pool +
                         "y = Concat(a, p, q) axis=1\n" + one("z", "y", 60, 3) + "-> z");
}

TEST(CpuPieces, PiecesOfPieces) {
  agrees({kInPlace, kInPlace}, one("a", "x: f32[2,7,8,9]", 7, 20) + one("b", "x", 7, 12) + one("c", "x", 7, 8) +
                                   "y = Concat(a, b) axis=1\n" + one("d", "y", 32, 5) + "z = Concat(c, y) axis=1\n" +
                                   one("e", "z", 40, 6) + "-> d, e");
  agrees({kSplitInPlace, kSplitInPlace, "concat (1 of 2 in place)"},
         one("c", "x: f32[2,7,8,9]", 7, 64) + "p, q = Split(c, i: i64[]{1}) num_splits=2\n" +
             "r, s = Split(q, i) num_splits=2\n" + one("d", "s", 16, 16) + one("e", "p", 32, 3) + one("f", "r", 16, 3) +
             "z = Concat(d, q) axis=1\n" + one("g", "z", 48, 6) + "-> e, f, g");
}

TEST(CpuPieces, WhatHasItsPlaceElsewhereIsCopied) {
  const std::string both = one("a", "x: f32[2,7,8,9]", 7, 20) + one("b", "x", 7, 12);
  agrees({"concat (2 of 3 in place)"}, both + "y = Concat(a, b, a) axis=1\n" + one("z", "y", 52, 5) + "-> z");
  agrees({kInPlace, "concat (1 of 2 in place)"}, both + one("c", "x", 7, 4) + "y = Concat(a, b) axis=1\n" +
                                                     one("z", "y", 32, 5) + "w = Concat(b, c) axis=1\n" +
                                                     one("v", "w", 16, 5) + "-> z, v");
  // Pieces of a split in another order.
  agrees({kSplitInPlace, "concat"}, one("c", "x: f32[2,7,8,9]", 7, 24) +
                                        "p, q = Split(c, i: i64[]{1}) num_splits=2\ny = Concat(q, p) axis=1\n" +
                                        one("z", "y", 24, 5) + "-> z");
  // A part of a split only.
  agrees({kSplitInPlace, "concat (1 of 2 in place)"},
         one("c", "x: f32[2,7,8,9]", 7, 24) + one("d", "x", 7, 3) +
             "p, q = Split(c, i: i64[]{1}) num_splits=2\ny = Concat(q, d) axis=1\n" + one("z", "y", 15, 5) +
             one("r", "p", 12, 2) + "-> z, r");
}

TEST(CpuPieces, ShortPixelsOfLargePicturesAreCopied) {
  agrees({"concat (1 of 2 in place)"}, one("a", "x: f32[1,3,64,65]", 3, 64) + one("b", "x", 3, 63) +
                                           "y = Concat(a, b) axis=1\n" + one("z", "y", 127, 2) + "-> z");
}

TEST(CpuPieces, OtherAxesAreCopied) {
  for (const std::string axis : {"0", "2", "3"}) {
    agrees({"concat"}, one("a", "x: f32[2,7,8,9]", 7, 20) + one("b", "x", 7, 20) + "y = Concat(a, b) axis=" + axis +
                           "\n" + one("z", "y", 20, 5) + "-> z");
  }
}

}  // namespace
}  // namespace fovea::test
