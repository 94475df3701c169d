// Every CPU kernel against the reference interpreter, on small and awkward shapes. Each case says which kernel must
// have been chosen, so that no case tests the reference against itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

/// Kernel names chosen so far in this process, with what oneDNN calls its implementation.
std::set<std::string>& seen_kernels() {
  static std::set<std::string> seen;
  return seen;
}

/// Compiles the graph for the CPU, expects a step of `kernel` and none of the reference, and compares the outputs.
void agrees(const std::string& kernel, const std::string& text) {
  SCOPED_TRACE(text);
  Graph graph = parse_graph(text);
  randomise_constants(graph, 3);
  const std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 11);
  std::string list;
  for (const std::string& name : kernels) {
    if (seen_kernels().insert(name).second) {
      std::cout << "kernel: " << name << '\n';
    }
    list += name + "; ";
    EXPECT_FALSE(name.starts_with("reference")) << list;
  }
  EXPECT_TRUE(std::ranges::any_of(kernels, [&](const std::string& name) { return name.starts_with(kernel); }))
      << "expected " << kernel << ", chosen: " << list;
}

std::string dims(std::initializer_list<int> extents) {
  std::string text;
  for (const int extent : extents) {
    text += (text.empty() ? "" : ",") + std::to_string(extent);
  }
  return text;
}

constexpr std::array kUnaryPostOps = {
    "relu",     "relu(0.1)", "relu(-0.5)", "elu(0.7)",      "clamp(-0.5,0.75)", "sigmoid",           "tanh",
    "exp",      "abs",       "swish(1)",   "swish(0.5)",    "hswish",           "hsigmoid(0.2,0.5)", "mish",
    "softplus", "gelu_erf",  "gelu_tanh",  "linear(0.5,-2)"};

TEST(CpuConvolution, ChannelsAndWindows) {
  for (const int in : {1, 3, 8, 17, 128}) {
    for (const int out : {1, 3, 8, 17, 128}) {
      agrees("onednn_convolution", "y = Convolution(x: f32[1," + dims({in}) + ",5,7], w: f32[" + dims({out, in}) +
                                       ",3,3]{0}) pads_begin=1,1 pads_end=1,1");
    }
  }
  const std::string head = "y = Convolution(x: f32[2,3,9,10], w: f32[8,3,";
  agrees("pointwise", head + "1,1]{0})");
  agrees("pointwise", head + "1,1]{0}) strides=2,3");
  agrees("onednn_convolution", head + "1,1]{0}) pads_begin=1,1 pads_end=1,1");
  agrees("onednn_convolution", head + "3,3]{0}) strides=2,2 pads_begin=0,0 pads_end=1,1");
  agrees("onednn_convolution", head + "3,3]{0}) pads_begin=2,0 pads_end=0,1");
  agrees("onednn_convolution", head + "3,3]{0}) dilations=2,3 pads_begin=2,3 pads_end=2,3");
  agrees("onednn_convolution", head + "5,2]{0}) strides=3,1");
  agrees("onednn_convolution", head + "9,10]{0})");  // a single pixel
  agrees("onednn_convolution", head + "7,7]{0}) auto_pad=same_upper strides=2,2");
  agrees("onednn_convolution", head + "2,2]{0}) auto_pad=same_lower");
  agrees("pointwise", "y = Convolution(x: f32[1,8,1,1], w: f32[17,8,1,1]{0})");
  agrees("onednn_convolution", "y = Convolution(x: f32[1,4,11], w: f32[6,4,3]{0}) pads_begin=1 pads_end=1");
  agrees("onednn_convolution",
         "y = Convolution(x: f32[1,4,5,6,7], w: f32[6,4,3,2,3]{0}) pads_begin=1,0,1 pads_end=1,1,0");
}

TEST(CpuConvolution, Groups) {
  for (const int channels : {1, 3, 8, 17, 128}) {
    const std::string c = std::to_string(channels);
    agrees("depthwise",
           "y = GroupConvolution(x: f32[1," + c + ",6,5], w: f32[" + c + ",1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1");
    agrees("depthwise", "y = GroupConvolution(x: f32[1," + c + ",7,7], w: f32[" + c + ",1,1,3,3]{0}) strides=2,2");
    agrees("depthwise", "y = GroupConvolution(x: f32[1," + c + ",3,3], w: f32[" + c + ",1,1,3,3]{0}) | add(b: f32[1," +
                            c + ",1,1]{0}) | relu");
  }
  agrees("onednn_convolution",
         "y = GroupConvolution(x: f32[1,12,5,5], w: f32[3,2,4,3,3]{0}) pads_begin=1,1 pads_end=1,1");
  agrees("onednn_convolution", "y = GroupConvolution(x: f32[2,16,5,5], w: f32[2,8,8,1,1]{0})");
  agrees("onednn_convolution", "y = GroupConvolution(x: f32[1,6,5,5], w: f32[6,2,1,3,3]{0})");  // a multiplier of 2
}

TEST(CpuConvolution, EveryPostOpAlone) {
  using Case = std::pair<std::string, std::string>;
  for (const auto& [kernel, convolution] :
       {Case("onednn_convolution", "y = Convolution(x: f32[1,5,4,6], w: f32[8,5,3,3]{0}) pads_begin=1,1 pads_end=1,1"),
        Case("pointwise", "y = Convolution(x: f32[1,5,4,6], w: f32[8,5,1,1]{0})"),
        Case("depthwise", "y = GroupConvolution(x: f32[1,8,4,6], w: f32[8,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1"),
        Case("depthwise", "y = GroupConvolution(x: f32[1,8,3,3], w: f32[8,1,1,3,3]{0})")}) {
    for (const char* op : kUnaryPostOps) {
      agrees(kernel, convolution + " | " + op);
      agrees(kernel, convolution + " | add(b: f32[1,8,1,1]{0}) | " + op);
    }
    const bool pixel = convolution.find("[1,8,3,3]") != std::string::npos;
    const std::string full = pixel ? "1,8,1,1" : "1,8,4,6";
    for (const std::string op : {"add", "multiply", "prelu"}) {
      for (const std::string operand : {"1,8,1,1", "8,1,1", "1", "1,1,1,1"}) {
        agrees(kernel, convolution + " | " + op + "(r: f32[" + operand + "]{0})");
        agrees(kernel, convolution + " | " + op + "(r: f32[" + operand + "])");
      }
      agrees(kernel, convolution + " | " + op + "(r: f32[])");
      agrees(kernel, convolution + " | " + op + "(r: f32[" + full + "]{0})");
      agrees(kernel, convolution + " | " + op + "(r: f32[" + full + "])");
    }
  }
}

TEST(CpuConvolution, PostOpChains) {
  const std::string c = "y = Convolution(x: f32[2,3,4,8], w: f32[8,3,3,3]{0}) pads_begin=1,1 pads_end=1,1 ";
  for (const std::string chain :
       {"| add(b: f32[1,8,1,1]{0}) | relu | add(r: f32[2,8,4,8]) | relu",
        "| add(b: f32[1,8,1,1]{0}) | multiply(s: f32[2,8,1,1]) | sigmoid",
        "| add(b: f32[1,8,1,1]{0}) | prelu(p: f32[1,8,1,1]{0}) | multiply(m: f32[1,8,1,1]{0}) | add(a: f32[1]{0})",
        "| relu(-0.25) | add(r: f32[2,8,4,8]) | hswish | multiply(q: f32[2,8,4,8])",
        "| mish | swish(2) | gelu_erf | tanh | clamp(-1,1) | linear(3,1)",
        "| add(b: f32[8,1,1]{0}) | add(d: f32[8,1,1]{0}) | relu"}) {
    agrees("onednn_convolution", c + chain);
  }
}

/// Functions that oneDNN is slow at become a pass of ours over large results, with all that follows them.
TEST(CpuConvolution, CostlyFunctionsOfLargeResults) {
  for (const std::string chain :
       {"| swish(1)", "| add(b: f32[1,24,1,1]{0}) | swish(1) | add(r: f32[1,24,20,20])",
        "| relu(0.1) | multiply(s: f32[1,24,1,1]) | sigmoid | multiply(q: f32[1,24,1,1]) | add(r: f32[24,1,1]{0})"}) {
    agrees("elementwise (post-ops)",
           "y = Convolution(x: f32[1,3,40,40], w: f32[24,3,3,3]{0}) strides=2,2 "
           "pads_begin=1,1 pads_end=1,1 " +
               chain);
  }
}

/// As many elements as channels, but along the width: no bias.
TEST(CpuConvolution, RowsAsLongAsChannelsAreNoBias) {
  agrees("onednn_convolution", "y = Convolution(x: f32[1,3,4,8], w: f32[8,3,1,1]{0}) | add(r: f32[1,1,1,8]{0})");
  agrees("onednn_convolution", "y = Convolution(x: f32[1,3,8,2], w: f32[8,3,1,1]{0}) | add(r: f32[1,1,8,1]{0})");
  agrees("onednn_convolution", "y = Convolution(x: f32[1,3,8,8], w: f32[8,3,1,1]{0}) | add(r: f32[8]{0}) | relu");
  agrees("onednn_convolution", "y = Convolution(x: f32[1,3,8,8], w: f32[8,3,1,1]{0}) | add(r: f32[8,1]{0}) | relu");
  agrees("onednn_convolution", "y = Convolution(x: f32[1,3,8,8], w: f32[8,3,1,1]{0}) | prelu(r: f32[8,1]{0})");
}

TEST(CpuDeconvolution, WindowsAndPostOps) {
  for (const int in : {1, 3, 8, 17}) {
    for (const int out : {1, 3, 8, 17}) {
      agrees("onednn_deconvolution", "y = ConvolutionBackpropData(x: f32[1," + dims({in}) + ",4,5], w: f32[" +
                                         dims({in, out}) + ",4,4]{0}) strides=2,2 pads_begin=1,1 pads_end=1,1");
    }
  }
  const std::string head = "y = ConvolutionBackpropData(x: f32[2,3,4,5], w: f32[3,4,3,2]{0})";
  agrees("onednn_deconvolution", head);
  agrees("onednn_deconvolution", head + " strides=2,3 output_padding=1,1");
  agrees("onednn_deconvolution", head + " strides=2,2 pads_begin=1,0 pads_end=0,1");
  agrees("onednn_deconvolution", head + " dilations=2,1");
  agrees("onednn_deconvolution", head + " strides=2,2 | add(b: f32[1,4,1,1]{0}) | relu");
  agrees("onednn_deconvolution", head + " strides=2,2 | prelu(b: f32[1,4,1,1]{0}) | add(r: f32[2,4,9,10]) | sigmoid");
  agrees("onednn_deconvolution",
         "y = ConvolutionBackpropData(x: f32[1,3,4,4], w: f32[3,4,3,3]{0}, s: i64[2]{9,9}) strides=2,2");
  agrees("onednn_deconvolution", "y = GroupConvolutionBackpropData(x: f32[1,8,4,4], w: f32[8,1,1,4,4]{0}) strides=2,2");
  agrees("onednn_deconvolution", "y = GroupConvolutionBackpropData(x: f32[1,6,3,3], w: f32[2,3,4,2,2]{0}) strides=2,2");
}

TEST(CpuDeconvolution, FiltersSideBySide) {
  for (const int in : {1, 3, 17}) {
    for (const int out : {1, 8, 17, 32, 33, 80}) {
      agrees("deconvolution (2x2", "y = ConvolutionBackpropData(x: f32[2," + dims({in}) + ",4,5], w: f32[" +
                                       dims({in, out}) + ",2,2]{0}) strides=2,2");
    }
  }
  const std::string head = "y = ConvolutionBackpropData(x: f32[2,7,6,15], w: f32[7,20,3,2]{0}) strides=3,2";
  for (const std::string rest :
       {"", " | add(b: f32[1,20,1,1]{0}) | relu", " | swish(1)", " | prelu(b: f32[1,20,1,1]{0}) | clamp(-1,1)",
        " | multiply(s: f32[1]{0}) | sigmoid"}) {
    agrees("deconvolution (3x2", head + rest);
  }
  agrees("onednn_deconvolution", head + " | add(r: f32[2,20,18,30])");
}

TEST(CpuMatMul, TransposesBatchesAndPostOps) {
  for (const std::string weights : {"w: f32[7,9]{0}", "w: f32[7,9]"}) {
    agrees("onednn_matmul", "y = MatMul(x: f32[5,7], " + weights + ")");
    agrees("onednn_matmul", "y = MatMul(x: f32[7,5], " + weights + ") transpose_a=true");
    agrees(weights.ends_with("{0}") ? "row_product" : "onednn_matmul",
           "y = MatMul(x: f32[1,7], " + weights + ") | relu");
    agrees("onednn_matmul", "y = MatMul(x: f32[4,7], " + weights + ") | add(b: f32[1,9]{0}) | relu");
    agrees("onednn_matmul", "y = MatMul(x: f32[9,7], " + weights + ") | add(b: f32[9]{0}) | sigmoid");
    agrees("onednn_matmul", "y = MatMul(x: f32[9,7], " + weights + ") | add(b: f32[9,1]{0}) | sigmoid");
    agrees("onednn_matmul", "y = MatMul(x: f32[4,7], " + weights + ") | multiply(m: f32[4,9]) | prelu(s: f32[9]{0})");
  }
  for (const std::string weights : {"w: f32[9,7]{0}", "w: f32[9,7]"}) {
    agrees("onednn_matmul", "y = MatMul(x: f32[5,7], " + weights + ") transpose_b=true");
    agrees("onednn_matmul", "y = MatMul(x: f32[2,3,5,7], " + weights + ") transpose_b=true");
  }
  agrees("onednn_matmul", "y = MatMul(x: f32[2,3,5,7], w: f32[2,3,7,4])");
  agrees("onednn_matmul", "y = MatMul(x: f32[2,3,5,7], w: f32[1,3,7,4])");
  agrees("onednn_matmul", "y = MatMul(x: f32[3,5,7], w: f32[3,4,7]) transpose_b=true | add(b: f32[5,1]{0})");
  agrees("onednn_matmul", "y = MatMul(x: f32[1,1], w: f32[1,1])");
  agrees("onednn_matmul", "y = MatMul(x: f32[3,128], w: f32[128,17]{0})");
  for (const char* op : kUnaryPostOps) {
    agrees("onednn_matmul", std::string("y = MatMul(x: f32[3,5], w: f32[5,4]{0}) | ") + op);
  }
}

TEST(CpuPooling, WindowsRoundingAndPadding) {
  for (const auto& [op, kernel] :
       {std::pair<std::string, std::string>("MaxPool", "max_pooling"), {"AvgPool", "onednn_pooling"}}) {
    for (const int channels : {1, 3, 8, 17}) {
      agrees(kernel, "y = " + op + "(x: f32[1," + dims({channels}) +
                         ",7,9]) kernel=2,2 strides=2,2 pads_begin=0,0 pads_end=0,0");
    }
    const std::string head = "y = " + op + "(x: f32[2,5,8,9]) ";
    agrees(kernel, head + "kernel=3,3 strides=2,2 pads_begin=1,1 pads_end=1,1");
    agrees(kernel, head + "kernel=3,3 strides=2,2 pads_begin=0,0 pads_end=0,0 rounding_type=ceil");
    agrees(kernel, head + "kernel=3,2 strides=1,3 pads_begin=1,0 pads_end=0,1");
    agrees(kernel, head + "kernel=8,9 strides=1,1");
    agrees(kernel, head + "kernel=2,2 strides=2,2 auto_pad=same_upper");
  }
  agrees("onednn_pooling",
         "y = AvgPool(x: f32[1,5,8,9]) kernel=3,3 strides=2,2 pads_begin=1,1 pads_end=1,1 exclude-pad=false");
  agrees("max_pooling", "y = MaxPool(x: f32[1,5,9,9]) kernel=2,3 strides=1,1 dilations=3,2");
  agrees("max_pooling",
         "y = MaxPool(x: f32[2,33,9,8]) kernel=3,3 strides=2,1 dilations=3,2 pads_begin=4,3 pads_end=5,2");
  agrees("onednn_pooling", "y = MaxPool(x: f32[1,5,12]) kernel=3 strides=2 pads_begin=1 pads_end=1");
  agrees("onednn_pooling", "y = AvgPool(x: f32[1,5,6,6,6]) kernel=2,2,2 strides=2,2,2");
}

TEST(CpuElementwise, BroadcastingOfEveryRank) {
  for (const std::string op : {"Add", "Subtract", "Multiply", "Maximum", "Minimum", "SquaredDifference"}) {
    for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                               {"5", ""},
                                                                               {"", "5"},
                                                                               {"5", "5"},
                                                                               {"3,1", "1,4"},
                                                                               {"2,3,4", "3,1"},
                                                                               {"2,3,4", "2,1,4"},
                                                                               {"1,8,5,7", "8,1,1"},
                                                                               {"1,8,5,7", "1,8,1,1"},
                                                                               {"1,8,5,7", "7"},
                                                                               {"1,8,5,7", "1,1,5,7"},
                                                                               {"2,8,5,7", "2,1,5,1"},
                                                                               {"1,8,1,1", "1,8,5,7"},
                                                                               {"2,1,3,1,5", "4,3,2,1"},
                                                                               {"2,3,2,2,2,2", "3,1,2,1,2"},
                                                                               {"1,17,33,31", "1,17,33,31"}}) {
      agrees("elementwise", "y = " + op + "(a: f32[" + a + "], b: f32[" + b + "])");
      agrees("elementwise", "y = " + op + "(a: f32[" + a + "], b: f32[" + b + "]{0})");
    }
  }
  agrees("elementwise", "y = Divide(a: f32[2,3,4], b: f32[3,1]{0})");
  agrees("elementwise", "y = PRelu(x: f32[1,8,3,5], s: f32[8,1,1]{0})");
  agrees("elementwise", "y = PRelu(x: f32[2,8], s: f32[8]{0})");
}

TEST(CpuElementwise, UnariesAndChains) {
  for (const char* op : kUnaryPostOps) {
    agrees("elementwise", std::string("y = Add(a: f32[1,3,5,7], b: f32[1,3,5,7]) | ") + op);
  }
  for (const std::string op :
       {"Relu", "Sigmoid", "Tanh", "Exp", "Abs", "HSwish", "Mish", "SoftPlus", "Gelu", "Swish"}) {
    agrees("elementwise", "y = " + op + "(x: f32[1,3,5,7])");
  }
  agrees("elementwise",
         "y = Multiply(a: f32[2,8,4,4], b: f32[2,8,1,1]) | add(c: f32[1,8,1,1]{0}) | prelu(d: f32[8,1,1]{0})");
  // Narrow channels last rows and long rows go different ways.
  agrees("elementwise", R"(
    a = Convolution(x: f32[1,3,20,20], w: f32[3,3,1,1]{0})
    b = Add(a, r: f32[1,3,20,20])
    c = Multiply(b, s: f32[1,3,1,1]{0})
    d = Sigmoid(c)
    -> d, b)");
  agrees("elementwise", "y = Add(a: f32[3,5000], b: f32[3,5000]) | multiply(s: f32[5000]{0}) | relu");
}

TEST(CpuElementwise, PaddleBroadcastingIsNotNumpys) {
  Graph graph = parse_graph(R"(
    c = Convolution(x: f32[1,4,4,4], w: f32[4,4,1,1]{0})
    y = Add(c, b: f32[4]{0}) auto_broadcast=pdpd axis=1
    z = Multiply(y, s: f32[4]{0}) auto_broadcast=pdpd axis=1
    q = Subtract(z, t: f32[4]{0}) auto_broadcast=pdpd axis=1
    p = Divide(q, u: f32[4]{0}) auto_broadcast=pdpd axis=1)");
  randomise_constants(graph, 3);
  expect_device_agrees("CPU", graph, 1);
}

TEST(CpuConcat, AxesRanksAndMixedLayouts) {
  for (const std::string axis : {"0", "1", "2", "3", "-1", "-4"}) {
    agrees("concat", "y = Concat(a: f32[2,3,4,5], b: f32[2,3,4,5], c: f32[2,3,4,5]{0}) axis=" + axis);
    agrees("concat", R"(
      a = Convolution(x: f32[2,4,4,5], w: f32[3,4,1,1]{0})
      y = Concat(a, b: f32[2,3,4,5], c: f32[2,3,4,5]{0}) axis=)" +
                         axis);
  }
  agrees("concat", "y = Concat(a: f32[3], b: f32[5]) axis=0");
  agrees("concat", "y = Concat(a: f32[2,1], b: f32[2,7]) axis=1");
  agrees("concat", "y = Concat(a: f32[1,3,4,5], b: f32[1,17,4,5], c: f32[1,1,4,5]) axis=1");
}

TEST(CpuSplit, AxesRanksAndLayouts) {
  for (const std::string axis : {"0", "1", "2", "3", "-1", "-4"}) {
    agrees("split", "a, b = Split(x: f32[2,4,6,8], i: i64[]{" + axis + "}) num_splits=2\n-> a, b");
    agrees("split", R"(
      c = Convolution(x: f32[2,3,6,8], w: f32[4,3,1,1]{0})
      a, b = Split(c, i: i64[]{)" +
                        axis + R"(}) num_splits=2
      d = Relu(b)
      -> a, d)");
  }
  agrees("split", "a, b, c = VariadicSplit(x: f32[1,7,5], i: i64[]{1}, l: i64[3]{2,-1,4})\n-> a, b, c");
  agrees("split", R"(
    c = Convolution(x: f32[1,3,6,8], w: f32[40,3,1,1]{0})
    a, b, d = VariadicSplit(c, i: i64[]{1}, l: i64[3]{16,17,7})
    -> b, a, d)");
}

/// What differs from row to row only by its place is repeated once a run; what differs by more is not.
TEST(CpuElementwise, FactorsForEachChannel) {
  for (const std::string factor : {"1,24,1,1", "2,24,1,1", "1,1,1,1"}) {
    agrees("elementwise", R"(
      a = Convolution(x: f32[2,3,20,20], w: f32[24,3,1,1]{0})
      b = Multiply(a, r: f32[)" +
                              factor +
                              R"(])
      c = Add(b, s: f32[)" + factor +
                              R"(]{0})
      -> c, b, a)");
  }
}

TEST(CpuReorder, AllChannelsAndPixels) {
  for (const int channels : {1, 2, 3, 4, 5, 33}) {
    for (const std::string size : {"1,1", "3,5", "4,8", "7,9", "70,70"}) {
      agrees("pointwise", "y = Convolution(x: f32[2," + dims({channels}) + "," + size + "], w: f32[" +
                              dims({channels, channels}) + ",1,1]{0})");
    }
  }
}

TEST(CpuTranspose, OrdersAndLayouts) {
  for (const std::string order : {"0,2,3,1", "0,3,1,2", "3,2,1,0", "1,0,2,3", "0,1,3,2"}) {
    agrees("transpose", "y = Transpose(x: f32[2,3,4,5], o: i64[4]{" + order + "})");
  }
  for (const std::string order : {"0,3,1,2", "3,2,1,0", "0,1,3,2"}) {
    agrees("transpose",
           "a = Convolution(x: f32[2,3,4,5], w: f32[6,3,1,1]{0})\ny = Transpose(a, o: i64[4]{" + order + "})");
  }
  agrees("transpose", "y = Transpose(x: f32[3,7], o: i64[2]{1,0})");
  agrees("transpose", "y = Transpose(x: f32[2,3,4,5,6], o: i64[5]{4,0,3,1,2})");
}

TEST(CpuView, ShapesWithoutMoving) {
  agrees("view", "y = Reshape(x: f32[2,3,4], s: i64[2]{6,4}) special_zero=false");
  agrees("view", "y = Squeeze(x: f32[1,3,1,4], a: i64[1]{0})");
  agrees("view", "y = Unsqueeze(x: f32[3,4], a: i64[2]{0,3})");
  agrees("view", "y = Transpose(x: f32[1,3,1,4], o: i64[4]{2,1,0,3})");
  // Channels last memory is what the transposition asks for; the reshape after it must see row-major data.
  agrees("view", R"(
    a = Convolution(x: f32[1,3,4,5], w: f32[6,3,1,1]{0})
    b = Transpose(a, o: i64[4]{0,2,3,1})
    y = Reshape(b, s: i64[3]{1,20,6}) special_zero=false
    z = Relu(a)
    -> y, z)");
  agrees("view", R"(
    a = Convolution(x: f32[1,3,4,5], w: f32[6,3,1,1]{0})
    y = Reshape(a, s: i64[2]{1,120}) special_zero=false)");
  agrees("view", "y = Reshape(x: f32[2,3,4], s: i64[2]{6,4}) special_zero=false\n-> y, x, y");
}

TEST(CpuSoftmax, AxesAndLayouts) {
  for (const std::string axis : {"0", "1", "2", "3", "-1", "-2"}) {
    agrees("softmax", "y = Softmax(x: f32[2,3,4,5]) axis=" + axis);
    agrees("softmax", "a = Convolution(x: f32[2,3,4,5], w: f32[6,3,1,1]{0})\ny = Softmax(a) axis=" + axis);
  }
  agrees("softmax", "y = Softmax(x: f32[7]) axis=0");
  agrees("softmax", "y = Softmax(x: f32[1,1001]) axis=1");
  agrees("softmax", "y = Softmax(x: f32[4,1]) axis=1");
}

TEST(CpuSpatialMean, AxesAndChannels) {
  for (const int channels : {1, 3, 16, 17, 128}) {
    agrees("spatial_mean", "y = ReduceMean(x: f32[2," + dims({channels}) + ",5,7], a: i64[2]{2,3}) keep_dims=true");
  }
  agrees("spatial_mean", "y = ReduceMean(x: f32[1,8,5,7], a: i64[2]{-1,-2}) keep_dims=false");
  agrees("spatial_mean", "y = ReduceMean(x: f32[1,8,1,1], a: i64[2]{3,2}) keep_dims=true");
}

TEST(CpuMvn, ModesAndChannels) {
  for (const int channels : {1, 3, 16, 17}) {
    for (const std::string mode : {"inside_sqrt", "outside_sqrt"}) {
      agrees("mvn", "y = MVN(x: f32[2," + dims({channels}) +
                        ",5,7], a: i64[2]{2,3}) normalize_variance=true eps=0.01 eps_mode=" + mode);
    }
  }
  agrees("mvn", "y = MVN(x: f32[1,8,5,7], a: i64[2]{-1,-2}) normalize_variance=false eps=0.01 eps_mode=inside_sqrt");
}

TEST(CpuInterpolate, ModesAndScales) {
  for (const std::string mode : {"nearest", "linear", "linear_onnx", "cubic"}) {
    for (const std::string coordinates :
         {"half_pixel", "pytorch_half_pixel", "asymmetric", "tf_half_pixel_for_nn", "align_corners"}) {
      for (const std::string sizes : {"8,10", "3,2", "1,1", "7,5", "4,5"}) {
        if (sizes == "4,5") {
          continue;  // the input's own size
        }
        agrees("interpolate", "y = Interpolate(x: f32[2,3,4,5], s: i64[2]{" + sizes + "}, a: i64[2]{2,3}) mode=" +
                                  mode + " shape_calculation_mode=sizes coordinate_transformation_mode=" + coordinates);
      }
    }
  }
  agrees("interpolate",
         "y = Interpolate(x: f32[1,17,4,5], s: i64[2]{2,3}, a: i64[2]{2,3}) mode=linear antialias=true "
         "shape_calculation_mode=sizes");
  for (const std::string rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"}) {
    agrees("interpolate",
           "y = Interpolate(x: f32[1,8,5,5], s: i64[2]{9,3}, a: i64[2]{2,3}) mode=nearest "
           "shape_calculation_mode=sizes nearest_mode=" +
               rounding);
  }
}

TEST(CpuFakeQuantize, LimitsPerTensorAndChannel) {
  const auto quantize = [](const std::string& input, const std::string& limits, const std::string& levels) {
    Graph graph = parse_graph("y = FakeQuantize(" + input + ", a: f32[" + limits + "]{-0.71}, b: f32[" + limits +
                              "]{0.83}, c: f32[" + limits + "]{-1.5}, d: f32[" + limits + "]{2.25}) levels=" + levels);
    const std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 5);
    EXPECT_TRUE(kernels.at(0).starts_with("fake_quantize")) << input << ' ' << limits;
  };
  for (const std::string levels : {"2", "16", "255", "256"}) {
    for (const std::string limits : {"", "1", "1,1,1,1", "1,8,1,1", "8,1,1"}) {
      quantize("x: f32[2,8,5,7]", limits, levels);
    }
  }
  quantize("x: f32[9,4]", "9,1", "256");
  quantize("x: f32[9,4]", "4", "256");
}

TEST(CpuReference, IsTheLastResortOnly) {
  Graph graph = parse_graph("y = CumSum(x: f32[2,5], a: i64[]{1})\nz = Convolution(p: f32[1,1,3,3], w: f32[1,1,3,3])");
  const RunResult result = run_on("CPU", graph, 1);
  EXPECT_EQ(result.kernels, (std::vector<std::string>{"reference", "reference"}));
}

}  // namespace
}  // namespace fovea::test
