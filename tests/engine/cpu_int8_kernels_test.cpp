// The CPU device's own kernels for bytes against the reference interpreter: sizes with and without remainders of the
// vectors, paddings that are not zero when stored, limits behind sums.
#include <fmt/format.h>

#include "engine/plugins/cpu/steps.hpp"
#include "tests/engine/int8_agreement.hpp"

namespace fovea::test {
namespace {

using CpuInt8Kernels = InBytes;

/// FakeQuantize of `input`: 0 is step 128.
std::string signed_steps(const std::string& result, const std::string& input, double step) {
  return fmt::format(
      "{0} = FakeQuantize({1}, {0}a: f32[]{{{2}}}, {0}b: f32[]{{{3}}}, {0}c: f32[]{{{2}}}, {0}d: f32[]{{{3}}}) "
      "levels=256\n",
      result, input, -128 * step, 127 * step);
}

/// The same from 0 on.
std::string unsigned_steps(const std::string& result, const std::string& input, double step) {
  return fmt::format(
      "{0} = FakeQuantize({1}, {0}a: f32[]{{0}}, {0}b: f32[]{{{2}}}, {0}c: f32[]{{0}}, {0}d: f32[]{{{2}}}) "
      "levels=256\n",
      result, input, 255 * step);
}

constexpr double kInput = 0.0061;
constexpr double kOutput = 0.0317;

std::string quantised_input(const std::string& shape) { return signed_steps("q", "x: f32" + shape, kInput); }

TEST_F(CpuInt8Kernels, Convolutions1x1) {
  for (const int channels : {4, 5, 16, 70, 131}) {
    for (const int outputs : {1, 10, 24, 48, 70, 131}) {
      const std::string begin = quantised_input(fmt::format("[1,{},7,5]", channels)) +
                                fmt::format("z = Convolution(q, w: f32[{},{},1,1]{{0}}) | add(v: f32[1,{},1,1]{{0.1}})",
                                            outputs, channels, outputs);
      agrees_in_bytes(begin + " | relu\n" + signed_steps("y", "z", kOutput), kOutput, "u8", "byte_convolution");
      agrees_in_bytes(begin + " | clamp(-0.5,2)\n" + unsigned_steps("y", "z", kOutput), kOutput, "u8",
                      "byte_convolution");
      agrees_in_bytes(begin + " | sigmoid", 0, "u8", "byte_convolution");
    }
  }
}

TEST_F(CpuInt8Kernels, Convolutions1x1OfManyPixelsStridesAndBatches) {
  const std::string end = "\n" + signed_steps("y", "z", kOutput);
  agrees_in_bytes(quantised_input("[2,20,9,11]") + "z = Convolution(q, w: f32[40,20,1,1]{0})" + end, kOutput, "u8",
                  "byte_convolution");
  agrees_in_bytes(quantised_input("[1,20,9,11]") + "z = Convolution(q, w: f32[40,20,1,1]{0}) strides=2,2" + end,
                  kOutput, "u8", "byte_convolution");
  agrees_in_bytes(quantised_input("[1,32,40,40]") + "z = Convolution(q, w: f32[96,32,1,1]{0})" + end, kOutput, "u8",
                  "byte_convolution");
  agrees_in_bytes(
      quantised_input("[1,800,3,3]") + "z = Convolution(q, w: f32[700,800,1,1]{0})\n" + signed_steps("y", "z", 0.09),
      0.09, "u8", "byte_convolution");
  agrees_in_bytes(quantised_input("[1,20,9,11]") +
                      "z = Convolution(q, w: f32[4,20,1,1]{0}) | relu\n"
                      "y = FakeQuantize(z, a: f32[]{0}, b: f32[1,4,1,1]{5,4,3,2}, c: f32[]{0}, d: "
                      "f32[1,4,1,1]{5,4,3,2}) levels=256",
                  5.0 / 255, "u8", "byte_convolution");
}

TEST_F(CpuInt8Kernels, LimitsBehindScalesOfChannels) {
  const std::string z = quantised_input("[1,20,9,11]") + "z = Convolution(q, w: f32[4,20,1,1]{0}) | clamp(0,6)\n";
  const std::string limits = "a: f32[]{0}, b: f32[1,4,1,1]{5,4,3,2}, c: f32[]{0}, d: f32[1,4,1,1]{5,4,3,2}) levels=256";
  agrees_in_bytes(z + "y = FakeQuantize(z, " + limits, 5.0 / 255, "u8", "byte_convolution");
  // Cuts two of the four channels.
  agrees_in_bytes(quantised_input("[1,20,9,11]") +
                      "z = Convolution(q, w: f32[4,20,1,1]{0}) | clamp(0,3.5)\ny = "
                      "FakeQuantize(z, " +
                      limits,
                  5.0 / 255, "u8", "onednn_convolution");
}

TEST_F(CpuInt8Kernels, AffinePostOpsGoIntoTheScale) {
  const std::string z = quantised_input("[1,20,9,11]") +
                        "z = Convolution(q, w: f32[4,20,1,1]{0}) | multiply(f: f32[1,4,1,1]{0.5,2,-1,0.25}) | add(v: "
                        "f32[]{0.3}) | linear(1.5,-0.1) | add(u: f32[1,4,1,1]{0.1,0.2,0.3,0.4})";
  agrees_in_bytes(z + " | relu\n" + signed_steps("y", "z", kOutput), kOutput, "u8", "byte_convolution");
  agrees_in_bytes(z + " | sigmoid", 0, "u8", "byte_convolution");
}

/// Bytes with a zero that is not in the middle: i8 does not hold all of them.
TEST_F(CpuInt8Kernels, WeightsOfUnsignedBytes) {
  const auto agrees = [](const std::string& text, const std::string& kernel) {
    Graph graph = parse_graph(text);
    for (Value& value : graph.values) {
      if (value.name == "w") {
        std::ranges::transform(random_input(value.type, 9).data<float>(), value.constant->data<float>().begin(),
                               [](float x) { return std::nearbyint(127 * x + 60) / 64; });
      }
    }
    agrees_in_bytes(graph, kOutput, "u8", kernel);
  };
  const std::string end = "\n" + signed_steps("y", "z", kOutput);
  agrees(quantised_input("[1,21,7,5]") + "z = Convolution(q, w: f32[70,21,1,1]{0})" + end, "byte_convolution");
  agrees(quantised_input("[1,70,7,9]") + "z = GroupConvolution(q, w: f32[70,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1" +
             end,
         "byte_depthwise");
  agrees(quantised_input("[1,20,7,9]") + "z = GroupConvolution(q, w: f32[20,1,1,5,5]{0}) strides=2,2" + end,
         "byte_depthwise");
}

TEST(WeightSteps, OfWholeNumbersAreTheseNumbers) {
  const auto small = cpu::steps_of_weights(Tensor::of<float>({1, 3}, {64, 64, 0}), 1);
  ASSERT_TRUE(small);
  EXPECT_EQ(to_doubles(small->stored.view())[0] * static_cast<double>(small->scale[0]), 64);
  const auto large = cpu::steps_of_weights(Tensor::of<float>({1, 3}, {130, 43, 0}), 1, true);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->scale[0], 1);
  EXPECT_EQ(to_doubles(large->stored.view()), (std::vector<double>{127, 43, 0}));
  EXPECT_EQ(to_doubles(large->rest.view()), (std::vector<double>{3, 0, 0}));
}

TEST(WeightSteps, AreNotFoundForAnyNumbers) {
  EXPECT_FALSE(cpu::steps_of_weights(random_input({DataType::kF32, {1, 90}}, 5), 1, true));
}

TEST_F(CpuInt8Kernels, HalvesAboveAndBelowZeroAreOneFakeQuantize) {
  agrees_in_bytes(quantised_input("[1,20,9,11]") +
                      "z = Convolution(q, w: f32[24,20,1,1]{0}) | linear(20,0)\n"
                      "m = Multiply(z, k: f32[]{-1})\n"
                      "a = FakeQuantize(z, a1: f32[]{0}, a2: f32[]{127}, a3: f32[]{0}, a4: f32[]{127}) levels=128\n"
                      "b = FakeQuantize(m, b1: f32[]{0}, b2: f32[]{128}, b3: f32[]{0}, b4: f32[]{128}) levels=129\n"
                      "y = Subtract(a, b)",
                  1, "u8[1,24,9,11]", "byte_convolution");
}

TEST_F(CpuInt8Kernels, PostOpsThatNeedFloatsLeaveTheProductsInBytes) {
  const std::string z =
      quantised_input("[1,20,9,11]") + "z = Convolution(q, w: f32[24,20,3,3]{0}) | add(v: f32[1,24,1,1]{1})";
  agrees_in_bytes(z + " | relu(-0.5)\n" + signed_steps("y", "z", kOutput), kOutput, "u8", "onednn_convolution (");
  agrees_in_bytes(z + " | prelu(s: f32[1,24,1,1]{0.2})\n" + signed_steps("y", "z", kOutput), kOutput, "u8",
                  "elementwise (post-ops)");
}

TEST_F(CpuInt8Kernels, FullyConnectedLayers) {
  const std::string end = "\n" + signed_steps("y", "z", kOutput);
  agrees_in_bytes(quantised_input("[1,70]") + "z = MatMul(q, w: f32[70,33]{0})" + end, kOutput, "u8",
                  "byte_convolution (matrix)");
  agrees_in_bytes(quantised_input("[5,70]") + "y = MatMul(q, w: f32[33,70]{0}) transpose_b=true", 0, "u8",
                  "byte_convolution (matrix)");
}

TEST_F(CpuInt8Kernels, DepthwiseConvolutions) {
  for (const int kernel : {3, 5}) {
    for (const int stride : {1, 2}) {
      for (const int channels : {3, 16, 20, 40, 64, 150}) {
        for (const auto& [height, width] : {std::pair(9, 13), std::pair(5, 6), std::pair(3, 3)}) {
          const int pad = kernel / 2;
          const std::string z =
              quantised_input(fmt::format("[1,{},{},{}]", channels, height, width)) +
              fmt::format(
                  "z = GroupConvolution(q, w: f32[{0},1,1,{1},{1}]{{0}}) strides={2},{2} pads_begin={3},{3} "
                  "pads_end={3},{3} | add(v: f32[1,{0},1,1]{{0.1}}) | clamp(0,3)\n",
                  channels, kernel, stride, pad);
          agrees_in_bytes(z + unsigned_steps("y", "z", kOutput), kOutput, "u8", "byte_depthwise");
        }
      }
    }
  }
}

TEST_F(CpuInt8Kernels, DepthwiseConvolutionsWithDilationsUnevenPadsAndBatches) {
  const std::string end = "\n" + signed_steps("y", "z", kOutput);
  const std::string x = quantised_input("[2,36,12,14]");
  agrees_in_bytes(x + "z = GroupConvolution(q, w: f32[36,1,1,3,3]{0}) dilations=2,2 pads_begin=2,2 pads_end=2,2" + end,
                  kOutput, "u8", "byte_depthwise");
  agrees_in_bytes(x + "z = GroupConvolution(q, w: f32[36,1,1,3,3]{0}) strides=2,2 pads_begin=0,0 pads_end=1,1" + end,
                  kOutput, "u8", "byte_depthwise");
  agrees_in_bytes(x + "z = GroupConvolution(q, w: f32[36,1,1,5,5]{0})" + end, kOutput, "u8", "byte_depthwise");
  agrees_in_bytes(
      "q = FakeQuantize(x: f32[1,4,9,11], a: f32[]{0}, b: f32[1,4,1,1]{0.9,0.5,0.7,0.3}, c: f32[]{0}, d: "
      "f32[1,4,1,1]{0.9,0.5,0.7,0.3}) levels=256\n"
      "z = GroupConvolution(q, w: f32[4,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1" +
          end,
      kOutput, "u8", "byte_depthwise");
}

TEST_F(CpuInt8Kernels, DeconvolutionsWithoutOverlap) {
  for (const int outputs : {3, 16, 40}) {
    const std::string z =
        quantised_input("[1,20,6,7]") +
        fmt::format(
            "z = ConvolutionBackpropData(q, w: f32[20,{0},2,2]{{0}}) strides=2,2 | add(v: f32[1,{0},1,1]{{0.2}})",
            outputs);
    agrees_in_bytes(z + "\n" + signed_steps("y", "z", kOutput), kOutput, "u8", "byte_deconvolution");
    agrees_in_bytes(z, 0, "u8", "byte_deconvolution");
  }
}

TEST_F(CpuInt8Kernels, ChainsBecomeTables) {
  const std::string x = quantised_input("[1,20,9,11]");
  const std::string silu = "s = Sigmoid(q)\n" + unsigned_steps("t", "s", 1.0 / 255) + "m = Multiply(q, t)\n";
  agrees_in_bytes(x + silu + signed_steps("y", "m", 0.0043), 0.0043, "u8[1,20,9,11]", "byte_table");
  agrees_in_bytes(x + "s = HSigmoid(q)\nm = Multiply(q, s)\n" + signed_steps("y", "m", 0.0043), 0.0043, "u8",
                  "byte_table");
  agrees_in_bytes(x + "s = Tanh(q) | linear(0.5,0.25)\n" + signed_steps("y", "s", 0.007), 0.007, "u8", "byte_table");
  agrees_in_bytes(x + signed_steps("y", "q", 0.0098), 0.0098, "u8", "byte_table");
  // A value of another picture is no function of the first.
  agrees_in_bytes(
      x + signed_steps("p", "r: f32[1,20,9,11]", 0.0049) + "m = Multiply(q, p)\n" + signed_steps("y", "m", 0.0043),
      0.0043, "u8", "byte_arithmetic");
}

TEST_F(CpuInt8Kernels, TablesBehindPools) {
  agrees_in_bytes(
      "q = FakeQuantize(x: f32[1,4,9,11], a: f32[]{-0.7808}, b: f32[]{0.7747}, c: f32[]{-0.7808}, d: "
      "f32[]{0.7747}) levels=256\n"
      "p = MaxPool(q) kernel=3,3 strides=1,1 pads_begin=1,1 pads_end=1,1\ns = Sigmoid(p)\n" +
          unsigned_steps("y", "s", 1.0 / 255),
      1.0 / 255, "u8", "byte_table");
}

TEST_F(CpuInt8Kernels, SumsAndProducts) {
  const std::string x = quantised_input("[1,36,9,11]");
  const std::string p = signed_steps("p", "r: f32[1,36,9,11]", 0.0049);
  const std::string end = "\n" + signed_steps("y", "z", 0.0099);
  agrees_in_bytes(x + p + "z = Add(q, p) | relu" + end, 0.0099, "u8", "byte_arithmetic");
  agrees_in_bytes(x + p + "z = Add(q, p) | clamp(-0.3,0.6)" + end, 0.0099, "u8", "byte_arithmetic");
  agrees_in_bytes(x + p + "z = Multiply(q, p)" + end, 0.0099, "u8", "byte_arithmetic");
  agrees_in_bytes(x + "z = Add(r: f32[1,36,9,11], q)" + end, 0.0099, "u8", "byte_arithmetic");
  agrees_in_bytes(x + unsigned_steps("p", "r: f32[1,36,1,1]", 0.0039) + "z = Multiply(q, p)" + end, 0.0099, "u8",
                  "byte_arithmetic");
  agrees_in_bytes(quantised_input("[3,70]") + signed_steps("p", "r: f32[3,70]", 0.0049) + "z = Add(q, p)" + end, 0.0099,
                  "u8", "byte_arithmetic");
}

TEST_F(CpuInt8Kernels, WhatOnlyMovesStaysInBytes) {
  const std::string x = quantised_input("[1,36,8,10]");
  const std::string layout = "c = Convolution(q, w: f32[36,36,1,1]{0})\n" + signed_steps("z", "c", kOutput);
  agrees_in_bytes(x + layout + "y = Reshape(z, s: i64[3]{1,36,80}) special_zero=false", kOutput, "u8[1,36,80]");
  agrees_in_bytes(x + layout +
                      "i = Interpolate(z, k: f32[2]{2,2}, t: i64[2]{2,3}) mode=nearest "
                      "coordinate_transformation_mode=asymmetric nearest_mode=floor shape_calculation_mode=scales\n" +
                      signed_steps("y", "i", kOutput),
                  kOutput, "u8[1,36,16,20]", "interpolate (copies)");
  agrees_in_bytes(
      x + signed_steps("p", "r: f32[1,20,8,10]", 0.0049) + "z = Concat(q, p) axis=1\n" + signed_steps("y", "z", 0.0071),
      0.0071, "u8[1,56,8,10]", "concat (of bytes)");
  agrees_in_bytes(x + "y, z = VariadicSplit(q, a: i64[]{1}, l: i64[2]{16,20})", 0, "u8[1,16,8,10]", "split");
}

TEST_F(CpuInt8Kernels, SpatialMeans) {
  for (const char* const shape : {"[1,36,8,10]", "[2,70,3,5]", "[1,64,40,40]"}) {
    const std::string m = quantised_input(shape) + "m = ReduceMean(q, a: i64[2]{2,3}) keep_dims=true";
    agrees_in_bytes(m + "\n" + signed_steps("y", "m", 0.0003), 0.0003, "u8", "spatial_mean (u8)");
    agrees_in_bytes(m, 0, "u8", "spatial_mean (u8)");
  }
}

TEST_F(CpuInt8Kernels, PicturesOfFewPlanesBecomePixels) {
  for (const int planes : {2, 3, 4}) {
    agrees_in_bytes(quantised_input(fmt::format("[2,{},9,41]", planes)) +
                        fmt::format("y = Convolution(q, w: f32[40,{},3,3]{{0}}) pads_begin=1,1 pads_end=1,1", planes),
                    0, "u8", "fake_quantize (u8, pixels)");
  }
}

}  // namespace
}  // namespace fovea::test
