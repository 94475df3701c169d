// Convolutions of our own and the neighbours they are computed with, against the reference interpreter: which nodes
// become one step, and right results at all edges.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

/// Compares all outputs and expects a step of exactly this kernel.
void agrees(const std::string& kernel, const std::string& text) {
  SCOPED_TRACE(text);
  Graph graph = parse_graph(text);
  randomise_constants(graph, 7);
  const std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 29);
  std::string list;
  for (const std::string& name : kernels) {
    list += name + "; ";
  }
  EXPECT_NE(std::ranges::find(kernels, kernel), kernels.end()) << "expected " << kernel << ", chosen: " << list;
}

std::string text_of(std::int64_t number) { return std::to_string(number); }

TEST(CpuDepthwise, ChannelsAtTheEdgesOfVectorsAndPanels) {
  for (const int channels : {1, 4, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63}) {
    const std::string c = text_of(channels);
    agrees("depthwise (3x3)", "y = GroupConvolution(x: f32[2," + c + ",6,9], w: f32[" + c +
                                  ",1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1 | add(b: f32[1," + c +
                                  ",1,1]{0}) | clamp(0,6)");
  }
}

TEST(CpuDepthwise, Windows) {
  const std::string x = "y = GroupConvolution(x: f32[1,20,13,26], w: f32[20,1,1,";
  agrees("depthwise (5x5)", x + "5,5]{0}) pads_begin=2,2 pads_end=2,2");
  agrees("depthwise (5x5)", x + "5,5]{0}) strides=2,2 pads_begin=2,2 pads_end=2,2 | hswish");
  agrees("depthwise (5x5)", x + "5,5]{0}) dilations=2,2 pads_begin=4,4 pads_end=4,4");
  agrees("depthwise (3x3)", x + "3,3]{0}) strides=2,2 pads_begin=0,0 pads_end=1,1");
  agrees("depthwise (3x3)", x + "3,3]{0}) strides=3,3 | relu(0.1)");
  agrees("depthwise (3x3)", x + "3,3]{0}) strides=4,5 pads_begin=1,0");
  agrees("depthwise (3x3)", x + "3,3]{0}) dilations=5,9 pads_begin=6,10 pads_end=5,9");
  agrees("depthwise (1x7)", x + "1,7]{0}) pads_begin=0,3 pads_end=0,3");
  agrees("depthwise (7x1)", x + "7,1]{0}) pads_begin=3,0 pads_end=3,0");
  agrees("depthwise (1x1)", x + "1,1]{0}) strides=2,2");
  agrees("depthwise (13x9)", "y = GroupConvolution(x: f32[1,5,13,9], w: f32[5,1,1,13,9]{0})");
}

TEST(CpuDepthwise, BehindAPointwiseConvolution) {
  const std::string same = " pads_begin=1,1 pads_end=1,1";
  for (const int channels : {3, 16, 24, 32, 40, 49}) {
    for (const std::string middle : {"", " | clamp(0,6)", " | swish(1)", " | multiply(s: f32[1,C,1,1]{0}) | sigmoid",
                                     " | relu | add(r: f32[1,C,9,30])"}) {
      std::string text = "e = Convolution(x: f32[1,11,9,30], w: f32[C,11,1,1]{0}) | add(b: f32[1,C,1,1]{0})" + middle +
                         "\ny = GroupConvolution(e, d: f32[C,1,1,3,3]{0})" + same + " | add(f: f32[1,C,1,1]{0}) | relu";
      for (std::size_t at = text.find('C'); at != std::string::npos; at = text.find('C', at + 1)) {
        if (text.compare(at, 4, "Conv") != 0) {
          text.replace(at, 1, text_of(channels));
        }
      }
      agrees("depthwise (3x3 behind 1x1)", text);
    }
  }
  const std::string expand = "e = Convolution(x: f32[2,6,14,15], w: f32[36,6,1,1]{0}) | hswish\n";
  agrees("depthwise (5x5 behind 1x1)",
         expand + "y = GroupConvolution(e, d: f32[36,1,1,5,5]{0}) strides=2,2 pads_begin=2,2 pads_end=2,2 | swish(1)");
  agrees("depthwise (3x3 behind 1x1)", expand + "y = GroupConvolution(e, d: f32[36,1,1,3,3]{0}) strides=4,4");
  agrees("depthwise (3x3 behind 1x1)",
         expand + "y = GroupConvolution(e, d: f32[36,1,1,3,3]{0})" + same + " | add(r: f32[2,36,14,15]) | relu");
}

/// Large enough to be cut into ranges of rows on two cores.
TEST(CpuDepthwise, ManyRows) {
  agrees("depthwise (3x3 behind 1x1)",
         "e = Convolution(x: f32[1,8,120,31], w: f32[20,8,1,1]{0}) | clamp(0,6)\n"
         "y = GroupConvolution(e, d: f32[20,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1");
  agrees("depthwise (3x3 behind 1x1 with means)",
         "e = Convolution(x: f32[2,8,120,31], w: f32[20,8,1,1]{0}) | swish(1)\n"
         "y = GroupConvolution(e, d: f32[20,1,1,3,3]{0}) strides=2,2 pads_begin=1,1 pads_end=1,1 | swish(1)\n"
         "m = ReduceMean(y, a: i64[2]{2,3}) keep_dims=true\nz = Multiply(y, m)");
}

TEST(CpuDepthwise, MeansOfTheResult) {
  for (const int channels : {5, 16, 24, 37}) {
    const std::string c = text_of(channels);
    for (const std::string finish : {"", " | relu", " | swish(1)"}) {
      agrees("depthwise (3x3 with means)", "d = GroupConvolution(x: f32[2," + c + ",7,10], w: f32[" + c +
                                               ",1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1" + finish +
                                               "\nm = ReduceMean(d, a: i64[2]{-1,2}) keep_dims=true\n"
                                               "z = Multiply(d, m)");
    }
  }
  // Only means of height and width, and these may have lost their axes.
  agrees("depthwise (3x3 with means)",
         "d = GroupConvolution(x: f32[1,24,7,10], w: f32[24,1,1,3,3]{0})\n"
         "m = ReduceMean(d, a: i64[2]{2,3}) keep_dims=false");
  agrees("depthwise (3x3)",
         "d = GroupConvolution(x: f32[1,24,7,10], w: f32[24,1,1,3,3]{0})\n"
         "m = ReduceMean(d, a: i64[1]{2}) keep_dims=true");
}

/// Of three in a row the last two are joined.
TEST(CpuDepthwise, BehindTwoThatCouldBeJoined) {
  agrees("depthwise (3x3 behind 1x1)",
         "m = Multiply(x: f32[1,33,8,8], s: f32[1,33,1,1])\ne = Convolution(m, w: f32[24,33,1,1]{0})\n"
         "y = GroupConvolution(e, d: f32[24,1,1,3,3]{0})");
}

/// Whatever else reads the result between them keeps the two apart.
TEST(CpuDepthwise, StaysAloneWhereTheFirstResultIsRead) {
  agrees("depthwise (3x3)",
         "e = Convolution(x: f32[1,6,8,8], w: f32[24,6,1,1]{0})\ny = GroupConvolution(e, d: f32[24,1,1,3,3]{0})\n"
         "z = Add(e, e)");
  agrees("depthwise (3x3)",
         "e = Convolution(x: f32[1,6,8,8], w: f32[24,6,1,1]{0}) strides=2,2\n"
         "y = GroupConvolution(e, d: f32[24,1,1,3,3]{0})");
}

TEST(CpuPointwise, PixelsDepthsAndOutputs) {
  for (const std::string size : {"1,1", "1,2", "3,5", "5,20", "14,14", "29,28"}) {
    for (const int outputs : {1, 8, 16, 24, 32, 33, 70}) {
      agrees("pointwise", "y = Convolution(x: f32[1,19," + size + "], w: f32[" + text_of(outputs) +
                              ",19,1,1]{0}) | add(b: f32[1," + text_of(outputs) + ",1,1]{0}) | relu");
    }
  }
  agrees(
      "pointwise",
      "y = Convolution(x: f32[1,700,9,7], w: f32[150,700,1,1]{0}) | add(b: f32[1,150,1,1]{0}) | add(r: f32[1,150,9,7]) "
      "| relu");
  agrees("pointwise", "y = Convolution(x: f32[3,40,9,7], w: f32[90,40,1,1]{0}) | swish(1) | add(r: f32[3,90,9,7])");
  agrees("pointwise", "y = Convolution(x: f32[1,40,1,1], w: f32[300,40,1,1]{0}) | hsigmoid(0.2,0.5)");
  agrees("pointwise", "y = Convolution(x: f32[1,40,1,1], w: f32[300,40,1,1]{0}) | add(r: f32[1,300,1,1]) | relu");
}

/// Pixels 512 floats apart collide in the first-level cache and are multiplied by other blocks.
TEST(CpuPointwise, CollidingPixels) {
  for (const int outputs : {20, 40, 64, 70, 120}) {
    agrees("pointwise", "y = Convolution(x: f32[1,512,5,9], w: f32[" + text_of(outputs) +
                            ",512,1,1]{0}) | relu | add(r: f32[1," + text_of(outputs) + ",5,9])");
  }
}

TEST(CpuPointwise, Strides) {
  for (const std::string size : {"9,7", "10,8", "2,2", "1,5"}) {
    for (const std::string strides : {"2,2", "1,3", "4,1", "11,9"}) {
      agrees("pointwise",
             "y = Convolution(x: f32[2,21," + size + "], w: f32[40,21,1,1]{0}) strides=" + strides + " | relu");
    }
  }
}

TEST(CpuPointwise, BehindFactorsOfChannels) {
  const std::string convolution = "\ny = Convolution(m, w: f32[20,33,1,1]{0}) | add(b: f32[1,20,1,1]{0})";
  agrees("pointwise behind multiply", "m = Multiply(x: f32[1,33,6,5], s: f32[1,33,1,1])" + convolution);
  agrees("pointwise behind multiply",
         "m = Multiply(s: f32[1,33,1,1], x: f32[1,33,6,5])" + convolution + " | add(r: f32[1,20,6,5])");
  // Several pictures, few pixels, factors of pixels: the picture is scaled.
  agrees("pointwise", "m = Multiply(x: f32[2,33,6,5], s: f32[1,33,1,1])" + convolution);
  agrees("pointwise", "m = Multiply(x: f32[1,33,3,5], s: f32[1,33,1,1])" + convolution);
  agrees("pointwise", "m = Multiply(x: f32[1,33,6,5], s: f32[1,33,6,1])" + convolution);
  agrees("pointwise", "m = Multiply(x: f32[1,33,6,5], s: f32[1,33,1,1])" + convolution + "\nz = Add(m, m)");
}

TEST(CpuRowProduct, SizesAndPostOps) {
  for (const int outputs : {1, 9, 16, 33, 64, 200}) {
    const std::string n = text_of(outputs);
    agrees("row_product", "y = MatMul(x: f32[1,37], w: f32[37," + n + "]{0}) | add(b: f32[1," + n + "]{0}) | relu");
    agrees("row_product", "y = MatMul(x: f32[1,37], w: f32[" + n + ",37]{0}) transpose_b=true | add(b: f32[" + n +
                              "]{0}) | sigmoid | multiply(m: f32[1,1])");
  }
  agrees("row_product", "y = MatMul(x: f32[37,1], w: f32[37,9]{0}) transpose_a=true");
  agrees("row_product", "y = MatMul(x: f32[1,1280], w: f32[1280,1000]{0}) | add(b: f32[1,1000]{0})");
}

/// Outputs of models are written in planes, others channels last.
TEST(CpuInterpolate, PlanesOfOutputs) {
  for (const std::string mode : {"nearest", "linear", "linear_onnx", "cubic"}) {
    for (const std::string size : {"4,5", "8,10", "13,37", "60,16"}) {
      const std::string attributes = "s: i64[2]{" + size + "}, a: i64[2]{2,3}) mode=" + mode +
                                     " shape_calculation_mode=sizes coordinate_transformation_mode=";
      for (const std::string coordinates : {"half_pixel", "align_corners"}) {
        if (size != "4,5") {
          agrees("interpolate (planes)", "y = Interpolate(x: f32[2,3,4,5], " + attributes + coordinates);
        }
      }
    }
  }
  agrees("interpolate",
         "i = Interpolate(x: f32[1,3,4,5], s: i64[2]{8,9}, a: i64[2]{2,3}) mode=linear shape_calculation_mode=sizes\n"
         "y = Convolution(i, w: f32[4,3,1,1]{0})");
}

}  // namespace
}  // namespace fovea::test
