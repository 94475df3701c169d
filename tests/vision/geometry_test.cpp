// Boxes, clipping, overlap, and the names of pixel formats.
#include "vision/geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "vision/frame_view.hpp"

namespace fovea {
namespace {

TEST(Geometry, ClipsToTheFrame) {
  EXPECT_EQ(clip({-0.5F, 0.25F, 1, 0.5F}), (Box{0, 0.25F, 0.5F, 0.5F}));
  EXPECT_EQ(clip({0.5F, 0.5F, 2, 2}), (Box{0.5F, 0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(clip({2, 2, 1, 1}).area(), 0);
  EXPECT_EQ(clip({0.5F, 0.5F, -0.25F, 0.1F}).area(), 0);
}

TEST(Geometry, IouOfKnownBoxes) {
  const Box a{0, 0, 0.5F, 0.5F};
  EXPECT_FLOAT_EQ(iou(a, a), 1);
  EXPECT_FLOAT_EQ(iou(a, {0.25F, 0, 0.5F, 0.5F}), 1.0F / 3);
  EXPECT_EQ(iou(a, {0.5F, 0, 0.5F, 0.5F}), 0);
  EXPECT_EQ(iou(a, {0.1F, 0.1F, 0, 0.2F}), 0);
  EXPECT_EQ(iou(a, {NAN, 0, 1, 1}), 0);
  EXPECT_EQ(iou({0, 0, INFINITY, 1}, {0, 0, NAN, 1}), 0);
}

TEST(FrameView, NamesAreGStreamers) {
  for (const char* name : {"NV12", "I420", "BGR", "RGB", "BGRx", "RGBx", "BGRA", "RGBA", "GRAY8"}) {
    const auto format = parse_pixel_format(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(to_string(*format), name);
  }
  EXPECT_FALSE(parse_pixel_format("nv12").has_value());
}

TEST(FrameView, ChromaPlanesRoundUp) {
  const PlaneExtent chroma = plane_extent(PixelFormat::kNV12, 1, 5, 3);
  EXPECT_EQ(chroma.width, 3);
  EXPECT_EQ(chroma.height, 2);
  EXPECT_EQ(chroma.sample_bytes, 2);
}

}  // namespace
}  // namespace fovea
