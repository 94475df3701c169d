// PreProcess against its slow definition, against OpenCV and against written-out geometry.
#include "vision/preprocess.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

#include "engine/base/error.hpp"
#include "tests/vision/allocation_counter.hpp"
#include "tests/vision/test_frame.hpp"

namespace fovea {
namespace {

using test::TestFrame;

constexpr std::array kFormats = {PixelFormat::kNV12, PixelFormat::kI420, PixelFormat::kBGR,
                                 PixelFormat::kRGB,  PixelFormat::kBGRx, PixelFormat::kRGBx,
                                 PixelFormat::kBGRA, PixelFormat::kRGBA, PixelFormat::kGray8};

Tensor make_output(const PreProcessSpec& spec) {
  const int channels = spec.channels == ChannelOrder::kGray ? 1 : 3;
  return Tensor(spec.data_type, spec.layout == TensorLayout::kNchw ? Shape{1, channels, spec.height_px, spec.width_px}
                                                                   : Shape{1, spec.height_px, spec.width_px, channels});
}

/// Largest difference of a sample of the fast version, in grey levels (preprocess_kernels.hpp): row rounding, row
/// weight, column weight.
constexpr double kSampleError = 1.0 / 256 + 255.0 / 32768 + 255.0 / 32768;

/// Most that errors of the samples can grow in the colour conversion: the largest Σ|coefficient| of a channel, that of
/// blue in limited-range BT.2020 (1.164 + 2.142).
constexpr double kColourGain = 3.31;

/// Allowed difference of f32 results, for values up to 255·gain: the samples' error plus float arithmetic.
double tolerance(const PreProcessSpec& spec, std::size_t channel) {
  const double gain = std::abs(1.0 / spec.scale[channel]);
  return gain * (kSampleError * kColourGain + 1e-4) + std::abs(spec.mean[channel] * gain) * 1e-6;
}

void expect_same(const PreProcessSpec& spec, const Tensor& actual, const Tensor& expected) {
  const int channels = spec.channels == ChannelOrder::kGray ? 1 : 3;
  const int plane = spec.width_px * spec.height_px;
  int shown = 0;
  for (int i = 0; i < plane * channels && shown < 10; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const auto channel = static_cast<std::size_t>(spec.layout == TensorLayout::kNchw ? i / plane : i % channels);
    if (spec.data_type == DataType::kF32) {
      const float a = actual.data<float>()[index];
      const float e = expected.data<float>()[index];
      if (!(std::abs(a - e) <= tolerance(spec, channel))) {
        ADD_FAILURE() << "element " << i << ": " << a << ", expected " << e << " within " << tolerance(spec, channel);
        ++shown;
      }
    } else {
      const int a = actual.data<std::uint8_t>()[index];
      const int e = expected.data<std::uint8_t>()[index];
      if (std::abs(a - e) > 1) {
        ADD_FAILURE() << "element " << i << ": " << a << ", expected " << e;
        ++shown;
      }
    }
  }
}

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  int between(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  float real(float least, float most) { return std::uniform_real_distribution<float>(least, most)(random_); }
  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
};

/// One random frame, region and spec, drawn from `seed`.
void check_random_geometry(std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Dice dice(seed);
  const PixelFormat format = kFormats[static_cast<std::size_t>(dice.between(0, 8))];
  const int largest = seed % 4 == 0 ? 7 : 150;
  TestFrame frame(format, dice.between(1, largest), dice.between(1, largest), dice.between(0, 3) * 5);
  frame.randomise(dice.random());
  frame.view.matrix = static_cast<ColorMatrix>(dice.between(0, 2));
  frame.view.range = static_cast<ColorRange>(dice.between(0, 1));
  PreProcessSpec spec{.width_px = dice.between(1, 90),
                      .height_px = dice.between(1, 40),
                      .data_type = dice.between(0, 1) == 0 ? DataType::kF32 : DataType::kU8,
                      .layout = static_cast<TensorLayout>(dice.between(0, 1)),
                      .channels = static_cast<ChannelOrder>(dice.between(0, 2)),
                      .resize = static_cast<ResizeMode>(dice.between(0, 3)),
                      .pad_value = static_cast<float>(dice.between(0, 255))};
  if (spec.data_type == DataType::kF32 && dice.between(0, 1) == 1) {
    spec.mean = {123.675F, 116.28F, 103.53F};
    spec.scale = {58.395F, 57.12F, -0.5F};
  }
  Box region{0, 0, 1, 1};
  if (dice.between(0, 2) != 0) {
    region = {dice.real(-0.2F, 0.9F), dice.real(-0.2F, 0.9F), dice.real(0.2F, 1.2F), dice.real(0.2F, 1.2F)};
  }
  Tensor actual = make_output(spec);
  Tensor expected = make_output(spec);
  PreProcess preprocess(spec);
  const Mapping mapping = preprocess.run(frame.view, region, actual.mutable_view());
  const Mapping wanted = preprocess_reference(spec, frame.view, region, expected.mutable_view());
  EXPECT_EQ(mapping.offset_x, wanted.offset_x);
  EXPECT_EQ(mapping.scale_y, wanted.scale_y);
  expect_same(spec, actual, expected);
  ASSERT_FALSE(testing::Test::HasFailure())
      << to_string(format) << ' ' << frame.view.width_px << 'x' << frame.view.height_px << " -> "
      << to_string(actual.type()) << " resize " << static_cast<int>(spec.resize);
}

TEST(PreProcess, EqualsItsDefinitionForRandomGeometries) {
  for (std::uint32_t seed = 0; seed < 400 && !HasFatalFailure(); ++seed) {
    check_random_geometry(seed);
  }
}

/// The kernels are compiled for several instruction sets; a user's CPU may have any of them.
TEST(PreProcess, EveryInstructionSetOfThisCpuEqualsTheDefinition) {
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (std::uint32_t seed = 1000; seed < 1100 && !HasFatalFailure(); ++seed) {
      check_random_geometry(seed);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(PreProcess, LargeShrinkAndEnlargementAgreeWithTheDefinition) {
  for (const auto& [width, side] : {std::pair{1921, 64}, std::pair{1920, 640}, std::pair{9, 300}}) {
    SCOPED_TRACE(width);
    std::mt19937 random(7);
    TestFrame frame(PixelFormat::kNV12, width, 41);
    frame.randomise(random);
    const PreProcessSpec spec{.width_px = side, .height_px = 24};
    Tensor actual = make_output(spec);
    Tensor expected = make_output(spec);
    PreProcess(spec).run(frame.view, {0, 0, 1, 1}, actual.mutable_view());
    preprocess_reference(spec, frame.view, {0, 0, 1, 1}, expected.mutable_view());
    expect_same(spec, actual, expected);
  }
}

/// Rounding to 11-bit weights moves OpenCV's result by less than 255·2/2^12 + 0.5, ours by 0.5 + 0.02: the integers
/// differ by at most 1.
TEST(PreProcess, BgrStretchIsOpenCvsLinearResize) {
  for (const auto& [width, height, out_width, out_height] :
       {std::tuple{640, 360, 300, 300}, std::tuple{61, 47, 128, 96}, std::tuple{33, 20, 33, 20}}) {
    std::mt19937 random(3);
    TestFrame frame(PixelFormat::kBGR, width, height, 11);
    frame.randomise(random);
    const PreProcessSpec spec{
        .width_px = out_width, .height_px = out_height, .data_type = DataType::kU8, .layout = TensorLayout::kNhwc};
    Tensor actual = make_output(spec);
    PreProcess(spec).run(frame.view, {0, 0, 1, 1}, actual.mutable_view());
    const cv::Mat source(height, width, CV_8UC3, frame.bytes[0].data(),
                         static_cast<std::size_t>(frame.view.planes[0].stride_bytes));
    cv::Mat expected;
    cv::resize(source, expected, {out_width, out_height}, 0, 0, cv::INTER_LINEAR);
    const cv::Mat ours(out_height, out_width, CV_8UC3, actual.data<std::uint8_t>().data());
    EXPECT_LE(cv::norm(ours, expected, cv::NORM_INF), 1) << width << 'x' << height;
  }
}

/// OpenCV repeats chroma samples where we interpolate them: on ramps of 1 grey level a sample the two differ by a
/// quarter of a level, times 2.02 at most in blue. OpenCV rounds twice (1 level) and computes with 20-bit weights; ours
/// stays in float.
TEST(PreProcess, Nv12IsOpenCvsConversionAndResize) {
  constexpr int kWidth = 160;
  constexpr int kHeight = 120;
  TestFrame frame(PixelFormat::kNV12, kWidth, kHeight);
  std::mt19937 random(5);
  for (std::uint8_t& luma : frame.bytes[0]) {
    luma = static_cast<std::uint8_t>(110 + random() % 30);  // No channel clamps: clamping first or last would differ.
  }
  for (int y = 0; y < kHeight / 2; ++y) {
    for (int x = 0; x < kWidth / 2; ++x) {
      frame.at(1, 2 * x, y) = static_cast<std::uint8_t>(128 - 30 + y);
      frame.at(1, 2 * x + 1, y) = static_cast<std::uint8_t>(128 - 40 + x);
    }
  }
  const PreProcessSpec spec{.width_px = 97, .height_px = 64};
  Tensor actual = make_output(spec);
  PreProcess(spec).run(frame.view, {0, 0, 1, 1}, actual.mutable_view());
  cv::Mat nv12(kHeight * 3 / 2, kWidth, CV_8UC1);
  std::copy(frame.bytes[0].begin(), frame.bytes[0].end(), nv12.data);
  std::copy(frame.bytes[1].begin(), frame.bytes[1].end(), nv12.ptr(kHeight));
  cv::Mat bgr;
  cv::Mat expected;
  cv::cvtColor(nv12, bgr, cv::COLOR_YUV2BGR_NV12);
  cv::resize(bgr, expected, {97, 64}, 0, 0, cv::INTER_LINEAR);
  double worst = 0;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 97; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double ours = actual.data<float>()[static_cast<std::size_t>((c * 64 + y) * 97 + x)];
        worst = std::max(worst, std::abs(ours - expected.at<cv::Vec3b>(y, x)[c]));
      }
    }
  }
  EXPECT_LE(worst, 0.25 * 2.02 + 1.1);
}

TEST(PreProcess, ConvertsKnownColours) {
  // ITU-R BT.601 limited range: (81, 90, 240) is red; BT.709 full range: white is (255, 128, 128).
  TestFrame frame(PixelFormat::kI420, 4, 4);
  const auto paint = [&](int y, int u, int v) {
    std::fill(frame.bytes[0].begin(), frame.bytes[0].end(), static_cast<std::uint8_t>(y));
    std::fill(frame.bytes[1].begin(), frame.bytes[1].end(), static_cast<std::uint8_t>(u));
    std::fill(frame.bytes[2].begin(), frame.bytes[2].end(), static_cast<std::uint8_t>(v));
  };
  const PreProcessSpec spec{.width_px = 2, .height_px = 2, .channels = ChannelOrder::kRgb};
  Tensor output = make_output(spec);
  paint(81, 90, 240);
  PreProcess(spec).run(frame.view, {0, 0, 1, 1}, output.mutable_view());
  EXPECT_NEAR(output.data<float>()[0], 255, 1);
  EXPECT_NEAR(output.data<float>()[4], 0, 1);
  EXPECT_NEAR(output.data<float>()[8], 0, 1);
  paint(255, 128, 128);
  frame.view.matrix = ColorMatrix::kBt709;
  frame.view.range = ColorRange::kFull;
  PreProcess(spec).run(frame.view, {0, 0, 1, 1}, output.mutable_view());
  for (const float value : output.data<float>()) {
    EXPECT_NEAR(value, 255, 0.1);
  }
}

TEST(PreProcess, LetterboxCentresThePictureAndMapsBack) {
  TestFrame frame(PixelFormat::kGray8, 200, 100);
  std::fill(frame.bytes[0].begin(), frame.bytes[0].end(), std::uint8_t{50});
  PreProcessSpec spec{.width_px = 64,
                      .height_px = 64,
                      .channels = ChannelOrder::kGray,
                      .resize = ResizeMode::kLetterbox,
                      .mean = {10, 0, 0},
                      .scale = {2, 1, 1},
                      .pad_value = 114};
  Tensor output = make_output(spec);
  Mapping mapping = PreProcess(spec).run(frame.view, {0, 0, 1, 1}, output.mutable_view());
  const auto row = [&](int y) { return output.data<float>()[static_cast<std::size_t>(y) * 64 + 20]; };
  EXPECT_FLOAT_EQ(row(15), (114 - 10) / 2.0F);
  EXPECT_FLOAT_EQ(row(16), (50 - 10) / 2.0F);
  EXPECT_FLOAT_EQ(row(47), (50 - 10) / 2.0F);
  EXPECT_FLOAT_EQ(row(48), (114 - 10) / 2.0F);
  const Box whole = mapping.to_frame(Box{0, 0.25F, 1, 0.5F});
  EXPECT_NEAR(whole.y, 0, 1e-6);
  EXPECT_NEAR(whole.height, 1, 1e-6);
  EXPECT_NEAR(whole.width, 1, 1e-6);

  spec.resize = ResizeMode::kLetterboxTopLeft;
  mapping = PreProcess(spec).run(frame.view, {0, 0, 1, 1}, output.mutable_view());
  EXPECT_FLOAT_EQ(row(31), 20);
  EXPECT_FLOAT_EQ(row(32), 52);
  EXPECT_NEAR(mapping.to_frame(Point{1, 0.5F}).y, 1, 1e-6);
}

TEST(PreProcess, CentralCropMapsToTheMiddleOfTheRegion) {
  TestFrame frame(PixelFormat::kBGR, 200, 100);
  const PreProcessSpec spec{.width_px = 50, .height_px = 50, .resize = ResizeMode::kCentralCrop};
  Tensor output = make_output(spec);
  const Mapping mapping = PreProcess(spec).run(frame.view, {0.5F, 0, 0.5F, 0.5F}, output.mutable_view());
  const Box seen = mapping.to_frame(Box{0, 0, 1, 1});
  EXPECT_NEAR(seen.x, 0.625, 1e-6);  // 50 px of the 100×50 px region, its middle.
  EXPECT_NEAR(seen.width, 0.25, 1e-6);
  EXPECT_NEAR(seen.y, 0, 1e-6);
  EXPECT_NEAR(seen.height, 0.5, 1e-6);
}

TEST(PreProcess, AllocatesOnlyWhenTheGeometryChanges) {
  TestFrame frame(PixelFormat::kNV12, 320, 240);
  const PreProcessSpec spec{.width_px = 100, .height_px = 100, .layout = TensorLayout::kNhwc};
  Tensor output = make_output(spec);
  const TensorView view = output.mutable_view();
  PreProcess preprocess(spec);
  preprocess.run(frame.view, {0, 0, 1, 1}, view);
  const std::optional<std::size_t> before = test::allocation_count();
  if (!before) {
    GTEST_SKIP() << "sanitizers count allocations themselves";
  }
  ASSERT_GT(*before, 0U);
  for (int i = 0; i < 5; ++i) {
    preprocess.run(frame.view, {0, 0, 1, 1}, view);
  }
  EXPECT_EQ(test::allocation_count(), before);
}

TEST(PreProcess, RefusesWhatItCannotRead) {
  TestFrame good(PixelFormat::kNV12, 16, 16);
  const PreProcessSpec spec{.width_px = 8, .height_px = 8};
  Tensor output = make_output(spec);
  PreProcess preprocess(spec);
  const auto message = [&](const FrameView& frame, const Box& region, const TensorView& target) -> std::string {
    try {
      preprocess.run(frame, region, target);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "no error";
  };
  const Box whole{0, 0, 1, 1};
  FrameView frame = good.view;
  frame.planes[1].data = nullptr;
  EXPECT_EQ(message(frame, whole, output.mutable_view()), "NV12 frame has no plane 1");
  frame = good.view;
  frame.planes[0].stride_bytes = 15;
  EXPECT_EQ(message(frame, whole, output.mutable_view()),
            "NV12 frame of width 16: stride of plane 0 is 15 bytes, expected at least 16");
  frame = good.view;
  frame.width_px = 0;
  EXPECT_EQ(message(frame, whole, output.mutable_view()), "frame is 0x16, expected 1 to 32768 on each side");
  EXPECT_NE(message(good.view, {1.5F, 0, 1, 1}, output.mutable_view()), "no error");
  EXPECT_NE(message(good.view, {NAN, 0, 1, 1}, output.mutable_view()), "no error");
  EXPECT_NE(message(good.view, {0, 0, NAN, 1}, output.mutable_view()), "no error");
  Tensor wrong(DataType::kF32, {1, 3, 8, 9});
  EXPECT_EQ(message(good.view, whole, wrong.mutable_view()),
            "network input tensor is f32[1,3,8,9], expected f32[1,3,8,8]");
  EXPECT_THROW(PreProcess({.width_px = 0, .height_px = 1}), Error);
  EXPECT_THROW(PreProcess({.width_px = 1, .height_px = 1, .scale = {1, 0, 1}}), Error);
}

}  // namespace
}  // namespace fovea
