// Interpolate: coordinate and nearest modes by hand, linear and cubic against OpenCV, opset 1 mapping, refusals.
#include <gtest/gtest.h>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

Tensor squares() {
  Tensor x = ramp({1, 1, 3, 4});
  for (float& value : x.data<float>()) {
    value *= value;
  }
  return x;
}

/// Opset 4 with sizes for the last two axes.
OpCase resize(const std::string& attributes, const Tensor& x, std::int64_t height, std::int64_t width) {
  return {"Interpolate",
          "shape_calculation_mode=sizes " + attributes,
          {x, i64({height, width}), f32({2}, {1, 1}), i64({2, 3})},
          4};
}

// cv2.resize(numpy.arange(12, dtype=numpy.float32).reshape(3, 4) ** 2, (6, 5), interpolation=cv2.INTER_LINEAR),
// OpenCV 4.6.
const std::vector<float> kOpenCvLinear6x5 = {0.0F,          0.5F,          1.4999998807F, 3.5F,          6.5F,
                                             9.0F,          6.4000000954F, 8.5F,          11.633332253F, 15.766667366F,
                                             20.89999962F,  25.0F,         16.0F,         20.5F,         26.833332062F,
                                             34.166667938F, 42.5F,         49.0F,         44.800003052F, 51.700000763F,
                                             61.233333588F, 71.766670227F, 83.300003052F, 92.200004578F, 64.0F,
                                             72.5F,         84.166664124F, 96.833343506F, 110.5F,        121.0F};
// The same to (3, 2), and with cv2.INTER_CUBIC (whose coefficient is -0.75 too).
const std::vector<float> kOpenCvLinear3x2 = {4.5F, 9.5F, 17.833332062F, 54.499996185F, 75.5F, 99.833335876F};
const std::vector<float> kOpenCvCubic3x2 = {2.2221133709F, 6.359375F,  14.672561646F,
                                            55.604282379F, 77.515625F, 103.60289001F};

// OpenCV computes coordinates and weights in f32: four roundings of 2^-24 on values up to 121 stay below 1e-6 relative.
constexpr double kFloatWeights = 1e-6;

TEST(Interpolate, LinearAgreesWithOpenCv) {
  for (const char* mode : {"mode=linear_onnx", "mode=linear"}) {
    const std::string attributes = std::string(mode) + " coordinate_transformation_mode=half_pixel";
    expect_equal(run(resize(attributes, squares(), 5, 6))[0], f32({1, 1, 5, 6}, kOpenCvLinear6x5), kFloatWeights);
    expect_equal(run(resize(attributes, squares(), 2, 3))[0], f32({1, 1, 2, 3}, kOpenCvLinear3x2), kFloatWeights);
  }
}

TEST(Interpolate, CubicAgreesWithOpenCv) {
  const OpCase cubic = resize("mode=cubic coordinate_transformation_mode=half_pixel", squares(), 2, 3);
  expect_equal(run(cubic)[0], f32({1, 1, 2, 3}, kOpenCvCubic3x2), kFloatWeights);
}

TEST(Interpolate, CoordinateModes) {
  const Tensor x = f32({1, 1, 1, 2}, {0, 4});
  const auto linear = [&](const std::string& mode, const std::vector<float>& expected) {
    expect_outputs(resize("mode=linear_onnx coordinate_transformation_mode=" + mode, x, 1, 4),
                   {f32({1, 1, 1, 4}, expected)});
  };
  linear("half_pixel", {0, 1, 3, 4});            // -0.25, 0.25, 0.75, 1.25
  linear("pytorch_half_pixel", {0, 1, 3, 4});    // differs for extents of 1 only
  linear("asymmetric", {0, 2, 4, 4});            // 0, 0.5, 1, 1.5
  linear("tf_half_pixel_for_nn", {1, 3, 4, 4});  // 0.25, 0.75, 1.25, 1.75
  linear("align_corners", {0, 4.0F / 3, 8.0F / 3, 4});
  const auto one = [&](const std::string& mode, float expected) {
    expect_outputs(resize("mode=linear_onnx coordinate_transformation_mode=" + mode, x, 1, 1),
                   {f32({1, 1, 1, 1}, {expected})});
  };
  one("half_pixel", 2);
  one("pytorch_half_pixel", 0);
  one("align_corners", 0);
}

TEST(Interpolate, NearestModes) {
  const Tensor x = ramp({1, 1, 1, 3});
  const auto nearest = [&](const std::string& mode, std::int64_t width, const std::vector<float>& expected) {
    expect_outputs(resize("mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=" + mode, x, 1, width),
                   {f32({1, 1, 1, width}, expected)});
  };
  // coordinates 0, 0.5, 1, 1.5, 2, 2.5
  nearest("round_prefer_floor", 6, {0, 0, 1, 1, 2, 2});
  nearest("round_prefer_ceil", 6, {0, 1, 1, 2, 2, 2});
  nearest("floor", 6, {0, 0, 1, 1, 2, 2});
  nearest("ceil", 6, {0, 1, 1, 2, 2, 2});
  nearest("simple", 6, {0, 0, 1, 1, 2, 2});  // floor when it grows
  nearest("simple", 2, {0, 2});              // ceil of 1.5 when it shrinks
}

TEST(Interpolate, WholeCoordinatesStayWhole) {
  // 14/6 is no binary fraction; coordinates 7 and 14 of 14 must still be 3 and beyond, not 2.999….
  const Tensor x = ramp({1, 1, 1, 6});
  const std::vector<Tensor> result =
      run(resize("mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor", x, 1, 14));
  EXPECT_EQ(result[0].data<float>()[7], 3.0F);
}

TEST(Interpolate, ScalesPadsAndOptionalAxes) {
  const Tensor x = f32({1, 1, 1, 2}, {1, 2});
  expect_outputs({"Interpolate",
                  "mode=nearest shape_calculation_mode=scales coordinate_transformation_mode=asymmetric "
                  "nearest_mode=floor pads_begin=0,0,0,1 pads_end=0",
                  {x, i64({0}), f32({1}, {2}), i64({3})},
                  4},
                 {f32({1, 1, 1, 6}, {0, 0, 1, 1, 2, 2})});
  expect_outputs({"Interpolate",
                  "mode=nearest shape_calculation_mode=scales coordinate_transformation_mode=asymmetric "
                  "nearest_mode=floor",
                  {x, f32({4}, {1, 1, 2, 1})},
                  11},
                 {f32({1, 1, 2, 2}, {1, 2, 1, 2})});
}

TEST(Interpolate, AntialiasWidensTheFilter) {
  // Scale 1/2: a triangle of radius 2 around 0.5 and 2.5; weights 0.75, 0.75, 0.25 (left), mirrored (right).
  const Tensor x = f32({1, 1, 1, 4}, {0, 1, 2, 3});
  const float left = (0.75F * 0 + 0.75F * 1 + 0.25F * 2) / 1.75F;
  expect_outputs(resize("mode=linear antialias=true coordinate_transformation_mode=half_pixel", x, 1, 2),
                 {f32({1, 1, 1, 2}, {left, 3 - left})});
}

TEST(Interpolate, Opset1) {
  const Tensor x = f32({1, 1, 1, 2}, {0, 4});
  const auto old = [&](const std::string& attributes, const std::vector<float>& expected) {
    expect_outputs({"Interpolate", attributes, {x, i64({1, 4})}, 1}, {f32({1, 1, 1, 4}, expected)});
  };
  old("axes=2,3 mode=linear align_corners=1", {0, 4.0F / 3, 8.0F / 3, 4});
  old("axes=2,3 mode=linear align_corners=0", {0, 2, 4, 4});  // asymmetric
  old("axes=2,3 mode=nearest align_corners=0", {0, 0, 4, 4});
  const Tensor row = f32({1, 1, 2}, {0, 4});
  expect_outputs({"Interpolate", "axes=2 mode=linear align_corners=false", {row, i64({4})}, 1},
                 {f32({1, 1, 4}, {0, 1, 3, 4})});  // half_pixel off the image plane
}

TEST(Interpolate, Refusals) {
  const Tensor x = ramp({1, 1, 2, 2});
  const Tensor scales = f32({2}, {1, 1});
  const std::string sizes = "mode=nearest shape_calculation_mode=sizes";
  const std::string by_scales = "mode=nearest shape_calculation_mode=scales";
  expect_invalid({"Interpolate", sizes, {x, i64({4, 0}), scales, i64({2, 3})}, 4}, "an output extent is 0");
  expect_invalid({"Interpolate", sizes, {x, i64({4}), scales, i64({2, 3})}, 4}, "sizes or scales have 1 values");
  expect_invalid({"Interpolate", sizes, {x, i64({4, 4}), scales, i64({2, 4})}, 4}, "axes is 4");
  expect_invalid({"Interpolate", by_scales, {x, i64({4, 4}), f32({2}, {-1, 1}), i64({2, 3})}, 4}, "a scale is -1");
  expect_invalid({"Interpolate", by_scales, {x, i64({4, 4}), f32({2}, {1e30F, 1}), i64({2, 3})}, 4}, "makes an extent");
  expect_invalid({"Interpolate", by_scales, {x, i64({4, 4})}, 4}, "scales are missing");
  expect_invalid({"Interpolate", sizes + " pads_begin=-1", {x, i64({4, 4}), scales, i64({2, 3})}, 4},
                 "pads_begin is -1");
  expect_invalid({"Interpolate", "mode=magic", {x, i64({4, 4}), scales, i64({2, 3})}, 4}, "expected one of: nearest");
}

}  // namespace
}  // namespace fovea::test
