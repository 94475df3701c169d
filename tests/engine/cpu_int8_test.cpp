// Bytes on the CPU: products of quantised values are exact, so results differ from the reference's by f32 rounding, or
// by a step where a value lies that near to the edge between two.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "engine/base/cpu_info.hpp"
#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

/// Weights become multiples of 1/64, which i8 holds.
Graph quantised_graph(const std::string& text) {
  Graph graph = parse_graph(text);
  for (Value& value : graph.values) {
    if (value.constant && value.type.data_type == DataType::kF32 && value.type.shape.size() >= 4 &&
        element_count(value.type.shape) > 100) {
      std::ranges::transform(random_input(value.type, 9).data<float>(), value.constant->data<float>().begin(),
                             [](float x) { return std::nearbyint(x * 64) / 64; });
    }
  }
  return graph;
}

/// \param step  Of the output's quantisation, 0 without.
void agrees(const std::string& text, double step, const std::string& expected_output) {
  SCOPED_TRACE(text);
  const Graph graph = quantised_graph(text);
  const RunResult actual = run_on("CPU", graph, 3);
  const RunResult expected = run_on("REFERENCE", graph, 3);
  const std::vector<double> a = to_doubles(actual.outputs[0].view());
  const std::vector<double> e = to_doubles(expected.outputs[0].view());
  std::size_t other_step = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double f32_rounding = 1e-5 * (1 + std::abs(e[i]));
    ASSERT_LE(std::abs(a[i] - e[i]), step + f32_rounding) << "element " << i << ": " << a[i] << " for " << e[i];
    other_step += std::abs(a[i] - e[i]) > f32_rounding ? 1 : 0;
  }
  EXPECT_LE(other_step, a.size() / 1000 + 1);
  EXPECT_THAT(actual.outputs_of_steps, ::testing::Contains(::testing::StartsWith(expected_output)));
}

class CpuInt8 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_multiplies_bytes()) {
      GTEST_SKIP() << "this processor has no AVX512_VNNI";
    }
  }
};

const std::string kUnsigned = "a: f32[]{0}, b: f32[]{0.9}, c: f32[]{0}, d: f32[]{0.9}) levels=256\n";
const std::string kSigned = "a: f32[]{-0.8}, b: f32[]{0.79375}, c: f32[]{-0.8}, d: f32[]{0.79375}) levels=256\n";

TEST_F(CpuInt8, Convolutions) {
  for (const std::string& limits : {kUnsigned, kSigned}) {
    const std::string x = "q = FakeQuantize(x: f32[1,16,9,11], " + limits;
    agrees(x + "y = Convolution(q, w: f32[24,16,1,1]{0})", 0, "u8");
    agrees(x + "y = Convolution(q, w: f32[24,16,3,3]{0}) pads_begin=1,1 pads_end=1,1", 0, "u8");
    agrees(x + "y = Convolution(q, w: f32[24,16,3,3]{0}) strides=2,2 | add(v: f32[1,24,1,1]{1}) | relu", 0, "u8");
    agrees(x + "y = GroupConvolution(q, w: f32[16,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1", 0, "u8");
    agrees(x + "y = Convolution(q, w: f32[24,16,1,1]{0}) | add(r: f32[1,24,9,11]) | relu", 0, "u8");
  }
}

TEST_F(CpuInt8, TheNextFakeQuantizeIsPartOfTheConvolution) {
  for (const std::string& limits : {kUnsigned, kSigned}) {
    const std::string x = "q = FakeQuantize(x: f32[1,16,9,11], " + limits;
    const std::string behind =
        "y = FakeQuantize(z, e: f32[]{-4.0576}, f: f32[]{4.0259}, g: f32[]{-4.0576}, h: f32[]{4.0259}) levels=256";
    agrees(x + "z = Convolution(q, w: f32[24,16,3,3]{0}) pads_begin=1,1 pads_end=1,1\n" + behind, 0.0317,
           "u8[1,24,9,11]");
    agrees(x + "z = Convolution(q, w: f32[24,16,1,1]{0}) | add(v: f32[1,24,1,1]{1}) | relu\n" + behind, 0.0317,
           "u8[1,24,9,11]");
    agrees(x + "z = GroupConvolution(q, w: f32[16,1,1,3,3]{0}) | add(v: f32[1,16,1,1]{1}) | clamp(0,2)\n" + behind,
           0.0317, "u8[1,16,7,9]");
  }
}

TEST_F(CpuInt8, SinglePixels) {
  const std::string x = "q = FakeQuantize(x: f32[1,64,1,1], " + kSigned;
  const std::string behind =
      "y = FakeQuantize(z, e: f32[]{-4.0576}, f: f32[]{4.0259}, g: f32[]{-4.0576}, h: f32[]{4.0259}) levels=256";
  const std::string z = "z = Convolution(q, w: f32[32,64,1,1]{0})";
  agrees(x + z + "\n" + behind, 0.0317, "u8[1,32,1,1]");
  agrees(x + z + " | add(v: f32[1,32,1,1]{1}) | relu\n" + behind, 0.0317, "u8[1,32,1,1]");
  agrees(x + z +
             " | add(v: f32[1,32,1,1]{1}) | relu | multiply(m: f32[1,32,1,1]{0.7}) | add(n: f32[1,32,1,1]{-0.3})\n" +
             behind,
         0.0317, "u8[1,32,1,1]");
}

TEST_F(CpuInt8, PostOpsThatOnlyFloatsCanKeepTheConvolutionInFloats) {
  agrees("q = FakeQuantize(x: f32[1,16,9,11], " + kSigned +
             "y = Convolution(q, w: f32[24,16,3,3]{0}) | add(v: f32[1,24,1,1]{1}) | relu(-0.5)",
         0, "u8");
}

TEST_F(CpuInt8, ScalesOfChannelsBeforeADepthwiseConvolution) {
  const std::string channels =
      "a: f32[1,4,1,1]{0}, b: f32[1,4,1,1]{0.9,0.5,0.7,0.3}, c: f32[1,4,1,1]{0}, d: f32[1,4,1,1]{0.9,0.5,0.7,0.3}) "
      "levels=256\n";
  const std::string y = "y = GroupConvolution(q, w: f32[4,1,1,5,5]{0}) pads_begin=2,2 pads_end=2,2";
  agrees("q = FakeQuantize(x: f32[1,4,9,11], " + channels + y, 0, "u8[1,4,9,11]");
  agrees("z = Convolution(x: f32[1,3,9,11], u: f32[4,3,1,1]{0.25}) | relu\nq = FakeQuantize(z, " + channels + y, 0,
         "u8[1,4,9,11]");
  agrees(
      "i = FakeQuantize(x: f32[1,32,9,11], e: f32[]{-0.8}, f: f32[]{0.79375}, g: f32[]{-0.8}, h: f32[]{0.79375}) "
      "levels=256\n"
      "z = Convolution(i, u: f32[4,32,1,1]{0}) | relu\nq = FakeQuantize(z, " +
          channels + y,
      0, "u8[1,4,9,11]");
}

TEST_F(CpuInt8, SignedScalesOfChannelsForOtherReaders) {
  const std::string q =
      "q = FakeQuantize(x: f32[2,4,9,11], a: f32[1,4,1,1]{-0.8,-0.4,-0.2,-0.1}, b: "
      "f32[1,4,1,1]{0.79375,0.396875,0.1984375,"
      "0.09921875}, c: f32[1,4,1,1]{-0.8,-0.4,-0.2,-0.1}, d: f32[1,4,1,1]{0.79375,0.396875,0.1984375,0.09921875}) "
      "levels=256\n";
  agrees(q + "y = AvgPool(q) kernel=2,2 strides=2,2 pads_begin=0,0 pads_end=0,0", 0, "u8[2,4,9,11]");
  agrees(q + "y = Add(q, r: f32[2,4,9,11])", 0, "u8[2,4,9,11]");
}

TEST_F(CpuInt8, PoolsConcatenationsAndOtherReaders) {
  const std::string x = "q = FakeQuantize(x: f32[1,16,9,11], " + kSigned;
  agrees(x + "y = MaxPool(q) kernel=2,2 strides=2,2 pads_begin=0,0 pads_end=0,0", 0, "u8[1,16,4,5]");
  agrees(x + "y = AvgPool(q) kernel=2,2 strides=2,2 pads_begin=0,0 pads_end=0,0", 0, "u8[1,16,9,11]");
  agrees(x + "p = FakeQuantize(r: f32[1,16,9,11], e: f32[]{-0.8}, f: f32[]{0.79375}, g: f32[]{-0.8}, h: "
             "f32[]{0.79375}) levels=256\n"
             "y = Concat(q, p) axis=1",
         0, "u8[1,32,9,11]");
  agrees(x + "p = FakeQuantize(r: f32[1,16,9,11], e: f32[]{0}, f: f32[]{0.9}, g: f32[]{0}, h: f32[]{0.9}) levels=256\n"
             "y = Concat(q, p) axis=1",
         0, "f32[1,32,9,11]");
  agrees(x + "y = Add(q, r: f32[1,16,9,11]) | relu", 0, "u8[1,16,9,11]");
}

}  // namespace
}  // namespace fovea::test
