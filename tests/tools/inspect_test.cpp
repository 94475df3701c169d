// The figures of `fovea inspect` on graphs small enough to count by hand.
#include <gtest/gtest.h>

#include "engine/ops/graph_text.hpp"
#include "tools/inspect/figures.hpp"

namespace fovea::tools {
namespace {

double operations(std::string_view text) { return model_figures(parse_graph(text)).operations; }

TEST(Inspect, OperationsByOperator) {
  // 4·4 outputs of 5 channels, 3 channels · 3·3 taps each, 2 operations a tap.
  EXPECT_EQ(operations("y = Convolution(x: f32[1,3,6,6], w: f32[5,3,3,3]{1})"), 2.0 * 5 * 16 * 27);
  // Each output channel sees the 2 inputs of its group.
  EXPECT_EQ(operations("y = GroupConvolution(x: f32[2,4,6,6], w: f32[2,3,2,1,1]{1})"), 2.0 * 2 * 6 * 36 * 2);
  // Each of 3·4·4 inputs meets 5 channels · 2·2.
  EXPECT_EQ(operations("y = ConvolutionBackpropData(x: f32[1,3,4,4], w: f32[3,5,2,2]{1}) strides=2,2"),
            2.0 * 3 * 16 * 5 * 4);
  EXPECT_EQ(operations("y = MatMul(x: f32[7,4], w: f32[4,2]{1})"), 2.0 * 7 * 2 * 4);
  EXPECT_EQ(operations("y = MatMul(x: f32[4,7], w: f32[4,2]{1}) transpose_a=true"), 2.0 * 7 * 2 * 4);
  EXPECT_EQ(operations("y = MaxPool(x: f32[1,2,4,4]) kernel=2,2 strides=2,2"), 2.0 * 4 * 4);
  EXPECT_EQ(operations("y = ReduceMean(x: f32[1,2,4,4], a: i64[2]{2,3}) keep_dims=true"), 32);
  EXPECT_EQ(operations("a = Relu(x: f32[3,5])\ny = Add(a, c: f32[5]{1})"), 30);
  EXPECT_EQ(operations("y = Transpose(x: f32[3,5], o: i64[2]{1,0})"), 0);
}

TEST(Inspect, ParametersAndBytesByPrecision) {
  const ModelFigures figures =
      model_figures(parse_graph("w = Convert(c: i8[6]{1}) destination_type=f32\nm = Multiply(x: f32[6], w)\n"
                                "a = Add(m, h: f32[6]{1})\ny = Reshape(a, s: i64[2]{2,3})"));
  EXPECT_EQ(figures.parameters, 12U) << "the shape is no parameter";
  EXPECT_EQ(figures.weight_bytes, (std::map<std::string, std::size_t>{{"f32", 24}, {"i64", 16}, {"i8", 6}}));
  EXPECT_EQ(figures.operators.at("Add"), 1);
}

TEST(Inspect, PrecisionsOfResultsAndQuantisedOperations) {
  const ModelFigures figures = model_figures(
      parse_graph("q = FakeQuantize(x: f32[1,2,4,4], a: f32[]{0}, b: f32[]{1}, c: f32[]{0}, d: f32[]{1}) levels=256\n"
                  "y = Convolution(q, w: f32[3,2,1,1]{1})\nz = Convolution(y, v: f32[3,3,1,1]{1})\n"
                  "s = ShapeOf(z) output_type=i64"));
  EXPECT_EQ(figures.nodes_by_precision, (std::map<std::string, int>{{"f32", 3}, {"i64", 1}}));
  EXPECT_EQ(figures.quantised_operations, 2.0 * 3 * 16 * 2) << "of the first convolution only";
}

TEST(Inspect, PeakOfLiveTensors) {
  // x and a, then a and b, then b and y; each 1024 floats, the branch keeps x alive in the second graph.
  const ModelFigures chain = model_figures(parse_graph("a = Relu(x: f32[1024])\nb = Exp(a)\ny = Abs(b)"));
  EXPECT_EQ(chain.peak_bytes, 2U * 4096);
  EXPECT_EQ(chain.arena_bytes, 2U * 4096);
  const ModelFigures branch = model_figures(parse_graph("a = Relu(x: f32[1024])\nb = Exp(a)\ny = Add(b, x)"));
  EXPECT_EQ(branch.peak_bytes, 3U * 4096);
}

TEST(Inspect, DynamicShapesAreCountedApart) {
  const ModelFigures figures = model_figures(parse_graph("a = Relu(x: f32[?,3])\nb = Exp(a)\ny = Exp(z: f32[2])"));
  EXPECT_EQ(figures.unknown_nodes, 2U);
  EXPECT_EQ(figures.operations, 2);
  EXPECT_FALSE(figures.peak_bytes.has_value());
}

}  // namespace
}  // namespace fovea::tools
