// All pixel formats, odd sizes and padded rows lead to the same detection.
#include <cmath>

#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

struct Size {
  int width;
  int height;
};

using Case = std::tuple<const char*, Size>;

class Formats : public InferenceTest, public ::testing::WithParamInterface<Case> {
 protected:
  [[nodiscard]] static bool is_yuv(const std::string& format) { return format == "NV12" || format == "I420"; }

  /// A picture of one grey level whose rows end in padding of another, described by a GstVideoMeta.
  static BufferPtr padded_picture(const std::string& format, Size size, int level) {
    GstVideoInfo info;
    gst_video_info_set_format(&info, gst_video_format_from_string(format.c_str()), static_cast<guint>(size.width),
                              static_cast<guint>(size.height));
    GstVideoAlignment padding;
    gst_video_alignment_reset(&padding);
    padding.padding_right = 10;
    padding.padding_bottom = 6;
    padding.padding_left = 4;
    padding.padding_top = 2;
    GstVideoInfo padded = info;
    EXPECT_TRUE(gst_video_info_align(&padded, &padding));
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, padded.size, nullptr);
    gst_buffer_memset(buffer, 0, 0x55, padded.size);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info),
                                   static_cast<guint>(size.width), static_cast<guint>(size.height),
                                   GST_VIDEO_INFO_N_PLANES(&info), padded.offset, padded.stride);
    fill(info, buffer, level);
    GST_BUFFER_PTS(buffer) = 0;
    return BufferPtr(buffer);
  }

  /// Grey in the format's own terms: luma in limited range with neutral chroma, or equal channels.
  static void fill(const GstVideoInfo& info, GstBuffer* buffer, int level) {
    GstVideoFrame frame;
    ASSERT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
    for (guint component = 0; component < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++component) {
      auto* data = static_cast<guint8*>(GST_VIDEO_FRAME_COMP_DATA(&frame, component));
      const bool chroma = GST_VIDEO_INFO_IS_YUV(&info) && component > 0;
      const bool luma = GST_VIDEO_INFO_IS_YUV(&info) && component == 0;
      const int value = chroma ? 128 : luma ? 16 + static_cast<int>(std::lround(level * 219 / 255.0)) : level;
      for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, component); ++y) {
        for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, component); ++x) {
          data[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) +
               x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component)] = static_cast<guint8>(value);
        }
      }
    }
    gst_video_frame_unmap(&frame);
  }
};

TEST_P(Formats, GiveTheSameDetection) {
  const std::string format = std::get<0>(GetParam());
  const Size size = std::get<1>(GetParam());
  // A luma step is 255/219 levels wide, so half of it is lost in rounding; conversion to bytes rounds once more.
  const double tolerance = is_yuv(format) ? 255.0 / 219 / 2 + 0.5 : kLevelTolerance;
  Harness harness(detector());
  harness.caps(format, size.width, size.height);
  for (const int level : {0, 37, 128, 255}) {
    ASSERT_EQ(harness.push(padded_picture(format, size, level)), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_NEAR(seen_level(buffer.get()), level, tolerance) << "padding was read, or the conversion is off";
    const FrameAnalysis* analysis = find_analysis(buffer.get());
    ASSERT_EQ(analysis->objects.size(), 1U);
    EXPECT_EQ(analysis->objects[0].label, "thing");
    EXPECT_FLOAT_EQ(analysis->objects[0].confidence, kDetectorConfidence);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         ::testing::Combine(::testing::Values("NV12", "I420", "BGR", "RGB", "BGRx", "RGBx", "BGRA",
                                                              "RGBA", "GRAY8"),
                                            ::testing::Values(Size{64, 48}, Size{33, 17}, Size{5, 7}, Size{1, 1})),
                         [](const auto& entry) {
                           const Size size = std::get<1>(entry.param);
                           return std::string(std::get<0>(entry.param)) + "_" + std::to_string(size.width) + "x" +
                                  std::to_string(size.height);
                         });

}  // namespace
}  // namespace fovea::testing
