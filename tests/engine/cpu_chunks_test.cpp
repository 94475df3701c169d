// Steps large enough to be cut into chunks, against the reference interpreter: bands with padding above, below and on
// neither side, chunks of several pictures, operands that follow the cut. On one core nothing is cut.
#include <gtest/gtest.h>

#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

void agrees(const std::string& text) {
  SCOPED_TRACE(text);
  Graph graph = parse_graph(text);
  randomise_constants(graph, 5);
  for (const std::string& kernel : expect_device_agrees("CPU", graph, 23)) {
    EXPECT_FALSE(kernel.starts_with("reference")) << kernel;
  }
}

TEST(CpuChunks, Convolutions) {
  const std::string x = "y = Convolution(x: f32[1,32,61,40], ";
  agrees(x + "w: f32[48,32,3,3]{0}) pads_begin=1,1 pads_end=1,1 strides=2,2");
  agrees(x + "w: f32[48,32,3,3]{0}) pads_begin=4,4 pads_end=4,4 dilations=4,4");
  agrees(x + "w: f32[48,32,5,5]{0}) pads_begin=2,0 pads_end=0,1");
  agrees(x + "w: f32[160,32,1,1]{0}) | add(b: f32[1,160,1,1]{0}) | relu | add(r: f32[1,160,61,40])");
  agrees(x + "w: f32[160,32,1,1]{0}) | multiply(s: f32[1,160,1,1]) | prelu(p: f32[1,160,1,1]{0})");
  agrees("y = Convolution(x: f32[3,32,24,25], w: f32[64,32,3,3]{0}) strides=1,2 | add(r: f32[3,64,22,12]) | sigmoid");
  agrees("y = Convolution(x: f32[5,128,7,7], w: f32[256,128,1,1]{0}) | swish(1)");
  agrees("y = GroupConvolution(x: f32[1,320,56,57], w: f32[320,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1 | relu");
  agrees("y = GroupConvolution(x: f32[2,128,56,57], w: f32[128,1,1,5,5]{0}) strides=2,2 pads_begin=2,2 pads_end=2,2");
}

TEST(CpuChunks, WinogradWithOperands) {
  agrees(
      "y = Convolution(x: f32[2,40,50,43], w: f32[48,40,3,3]{0}) pads_begin=1,1 pads_end=1,1"
      " | add(b: f32[1,48,1,1]{0}) | swish(1) | add(r: f32[2,48,50,43])");
}

/// So many weights that the cores share the blocks.
TEST(CpuChunks, WinogradWithFarWeights) {
  agrees(
      "y = Convolution(x: f32[2,208,14,13], w: f32[210,208,3,3]{0}) pads_begin=1,1 pads_end=1,1"
      " | add(b: f32[1,210,1,1]{0}) | relu | add(r: f32[2,210,14,13])");
}

TEST(CpuChunks, Products) {
  agrees("y = MatMul(x: f32[197,192], w: f32[192,576]{0}) | add(b: f32[1,576]{0}) | gelu_erf");
  agrees("y = MatMul(x: f32[197,192], w: f32[192,576]{0}) | add(r: f32[197,576])");
  agrees("y = MatMul(x: f32[1,197,192], w: f32[192,300]{0})");
  agrees("y = MatMul(x: f32[192,301], w: f32[192,300]) transpose_a=true");
  agrees("y = MatMul(x: f32[1,1280], w: f32[1280,1000]{0}) | add(b: f32[1,1000]{0})");
  agrees("y = MatMul(x: f32[1,1280], w: f32[1000,1280]{0}) transpose_b=true | add(b: f32[1000]{0}) | relu");
}

TEST(CpuChunks, Pools) {
  for (const std::string op : {"MaxPool", "AvgPool"}) {
    agrees("y = " + op + "(x: f32[2,96,64,65]) kernel=3,3 strides=2,2 pads_begin=1,1 pads_end=1,1");
    agrees("y = " + op + "(x: f32[1,96,64,65]) kernel=5,5 strides=1,1 pads_begin=2,2 pads_end=2,2");
  }
  agrees("y = AvgPool(x: f32[1,96,64,65]) kernel=3,3 strides=1,1 pads_begin=1,1 pads_end=1,1 exclude-pad=false");
}

TEST(CpuChunks, TheRest) {
  agrees("y = Add(a: f32[1,32,61,40], b: f32[1,32,61,40]) | relu | multiply(c: f32[1,32,1,1]{0})");
  agrees("y = Multiply(a: f32[2,32,61,40], b: f32[32,1,1])");
  agrees("y = Concat(a: f32[1,32,61,40], b: f32[1,5,61,40]) axis=1");
  agrees("y = Transpose(x: f32[2,30,41,50], o: i64[4]{3,2,1,0})");
  agrees("y = ReduceMean(x: f32[2,320,50,7], a: i64[2]{2,3}) keep_dims=true");
  agrees("y = MVN(x: f32[2,80,50,70], a: i64[2]{2,3}) normalize_variance=true eps=0.01 eps_mode=inside_sqrt");
  agrees(
      "y = Interpolate(x: f32[2,32,40,50], s: i64[2]{80,90}, a: i64[2]{2,3}) mode=linear shape_calculation_mode=sizes");
  // The limits stay as they are, others would move the steps; few of them, so that no value lies at an edge.
  expect_device_agrees("CPU",
                       parse_graph("y = FakeQuantize(x: f32[1,32,40,50], a: f32[]{-0.71}, b: f32[]{0.83}, "
                                   "c: f32[]{-1.5}, d: f32[]{2.25}) levels=4"),
                       23);
}

}  // namespace
}  // namespace fovea::test
