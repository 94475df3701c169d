// What is drawn where, in every format, and picture files.
#include "vision/overlay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "engine/base/error.hpp"
#include "tests/vision/test_frame.hpp"
#include "vision/image_file.hpp"

namespace fovea {
namespace {

using test::TestFrame;

/// One red box (palette colour 0: label 0, no track) over the middle half of the frame, no text.
FrameAnalysis one_box() {
  FrameAnalysis analysis;
  Object object;
  object.box = {0.25F, 0.25F, 0.5F, 0.5F};
  object.label_id = 0;
  analysis.objects.push_back(object);
  return analysis;
}

constexpr OverlaySettings kOnlyBoxes{.labels = false, .line_px = 4};

/// B, G, R of one pixel after conversion, so that all formats are judged alike.
std::array<int, 3> pixel(const TestFrame& frame, int x, int y) {
  const Image image = to_bgr(frame.view);
  const std::size_t at = (static_cast<std::size_t>(y) * image.width_px + x) * 3;
  return {image.bgr[at], image.bgr[at + 1], image.bgr[at + 2]};
}

TEST(Overlay, DrawsTheBoxInEveryColourFormat) {
  for (const PixelFormat format : {PixelFormat::kNV12, PixelFormat::kI420, PixelFormat::kBGR, PixelFormat::kRGB,
                                   PixelFormat::kBGRx, PixelFormat::kRGBx, PixelFormat::kBGRA, PixelFormat::kRGBA}) {
    SCOPED_TRACE(to_string(format));
    TestFrame frame(format, 161, 121, 7);
    for (auto& plane : frame.bytes) {
      std::fill(plane.begin(), plane.end(), std::uint8_t{128});
    }
    const std::array<int, 3> before = pixel(frame, 80, 60);
    draw(one_box(), frame.view, kOnlyBoxes);
    const std::array<int, 3> edge = pixel(frame, 80, 30);
    // The palette's first colour is (230, 60, 60); YUV rounds three numbers, worth 1.2 to 2.1 levels each.
    EXPECT_NEAR(edge[2], 230, 4);
    EXPECT_NEAR(edge[1], 60, 4);
    EXPECT_NEAR(edge[0], 60, 4);
    EXPECT_EQ(pixel(frame, 80, 60), before);
    EXPECT_EQ(pixel(frame, 5, 5), before);
  }
}

TEST(Overlay, DrawsOnGray) {
  TestFrame frame(PixelFormat::kGray8, 64, 64);
  draw(one_box(), frame.view, kOnlyBoxes);
  EXPECT_NEAR(frame.at(0, 32, 16), 0.299 * 230 + 0.701 * 60, 1);
  EXPECT_EQ(frame.at(0, 32, 32), 0);
}

TEST(Overlay, WritesLabelAndAttributesAboveTheBox) {
  TestFrame frame(PixelFormat::kBGR, 1280, 720);
  FrameAnalysis analysis = one_box();
  analysis.objects[0].label = "person";
  analysis.objects[0].attributes.push_back({.name = "color", .label = "red", .model = {}});
  draw(analysis, frame.view);
  // Ink on a background of the box's colour (red 230), directly above the box's left corner (320, 180). The ink's edges
  // are smoothed, so any other red counts as ink.
  int ink = 0;
  int background = 0;
  for (int y = 140; y < 178; ++y) {
    for (int x = 320; x < 420; ++x) {
      const int red = frame.at(0, 3 * x + 2, y);
      ink += red > 230 || (red > 0 && red < 230) ? 1 : 0;
      background += red == 230 ? 1 : 0;
    }
  }
  EXPECT_GT(ink, 200);
  EXPECT_GT(background, 1000);
}

TEST(Overlay, ColoursFollowTheTrack) {
  TestFrame first(PixelFormat::kBGR, 64, 64);
  TestFrame second(PixelFormat::kBGR, 64, 64);
  FrameAnalysis analysis = one_box();
  analysis.objects[0].track_id = 1;
  draw(analysis, first.view, kOnlyBoxes);
  analysis.objects[0].track_id = 2;
  draw(analysis, second.view, kOnlyBoxes);
  EXPECT_NE(pixel(first, 32, 16), pixel(second, 32, 16));
}

TEST(Overlay, BlendsMasksOutsideTheBackground) {
  for (const PixelFormat format : {PixelFormat::kBGR, PixelFormat::kNV12}) {
    TestFrame frame(format, 64, 64);
    for (auto& plane : frame.bytes) {
      std::fill(plane.begin(), plane.end(), std::uint8_t{128});
    }
    const std::array<int, 3> before = pixel(frame, 10, 10);
    FrameAnalysis analysis;
    analysis.masks.push_back({.width = 2,
                              .height = 1,
                              .region = {0, 0, 1, 0.5F},
                              .classes = std::make_shared<std::vector<std::uint8_t>>(std::vector<std::uint8_t>{0, 1}),
                              .labels = {},
                              .model = {}});
    draw(analysis, frame.view, {.mask_opacity = 0.5F});
    EXPECT_EQ(pixel(frame, 10, 10), before);                           // Class 0.
    EXPECT_EQ(pixel(frame, 50, 50), before);                           // Below the region.
    EXPECT_NEAR(pixel(frame, 50, 10)[1], (before[1] + 180) / 2.0, 3);  // Half the palette's (60, 180, 75).
    EXPECT_NEAR(pixel(frame, 50, 10)[2], (before[2] + 60) / 2.0, 3);
  }
}

TEST(Overlay, DrawsKeypoints) {
  TestFrame frame(PixelFormat::kBGR, 64, 64);
  FrameAnalysis analysis = one_box();
  analysis.objects[0].keypoints = {{.name = "nose", .position = {0.5F, 0.5F}}, {.name = "", .position = {NAN, 2}}};
  draw(analysis, frame.view, kOnlyBoxes);
  EXPECT_EQ(pixel(frame, 32, 32), (std::array<int, 3>{60, 60, 230}));
}

TEST(Overlay, SurvivesAbsurdInput) {
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{3, 5}, std::pair{40, 20}}) {
    for (const PixelFormat format : {PixelFormat::kNV12, PixelFormat::kI420, PixelFormat::kBGR}) {
      TestFrame frame(format, width, height);
      FrameAnalysis analysis;
      for (const Box& box : {Box{NAN, 0, 1, 1}, Box{0, 0, INFINITY, 1}, Box{-1e30F, -1e30F, 2e30F, 2e30F},
                             Box{0.99F, 0.99F, 1, 1}, Box{0, 0, 0, 0}}) {
        Object object;
        object.box = box;
        object.label = std::string(10'000, '\xFF');
        object.confidence = NAN;
        object.attributes.resize(1000);
        object.keypoints.resize(3);
        analysis.objects.push_back(object);
      }
      SegmentationMask mask;
      mask.width = 1000;
      analysis.masks.push_back(mask);
      analysis.attributes.resize(100);
      EXPECT_NO_THROW(draw(analysis, frame.view));
    }
  }
  EXPECT_THROW(draw({}, MutableFrameView{}), Error);
}

}  // namespace
}  // namespace fovea
