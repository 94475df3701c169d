// Bytes on the CPU: products of quantised values are exact, so results differ from the reference's by f32 rounding, or
// by a step where a value lies that near to the edge between two.
#include "tests/engine/int8_agreement.hpp"

namespace fovea::test {
namespace {

using CpuInt8 = InBytes;
constexpr auto agrees = [](const std::string& text, double step, const std::string& expected_output) {
  agrees_in_bytes(text, step, expected_output);
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
