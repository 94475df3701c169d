// fvtestsrc in a pipeline: formats, timestamps, the truth on its buffers.
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <memory>

#include "elements/truth_meta.hpp"

namespace fovea {
namespace {

struct Unref {
  void operator()(GstElement* element) const {
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
  }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
};
using Pipeline = std::unique_ptr<GstElement, Unref>;
using Sample = std::unique_ptr<GstSample, Unref>;

Pipeline launch(const std::string& description) {
  GError* error = nullptr;
  GstElement* element = gst_parse_launch((description + " ! appsink name=out sync=false").c_str(), &error);
  if (error != nullptr) {
    ADD_FAILURE() << error->message;
    g_error_free(error);
  }
  gst_element_set_state(element, GST_STATE_PLAYING);
  return Pipeline(element);
}

Sample pull(const Pipeline& pipeline) {
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline.get()), "out");
  GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 20 * GST_SECOND);
  gst_object_unref(sink);
  return Sample(sample);
}

GstVideoInfo info_of(const Sample& sample) {
  GstVideoInfo info;
  gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get()));
  return info;
}

std::vector<guint8> bytes_of(const Sample& sample) {
  GstMapInfo map;
  gst_buffer_map(gst_sample_get_buffer(sample.get()), &map, GST_MAP_READ);
  std::vector<guint8> bytes(map.data, map.data + map.size);
  gst_buffer_unmap(gst_sample_get_buffer(sample.get()), &map);
  return bytes;
}

TEST(FvTestSrc, RunsThirtyBuffersInEveryFormat) {
  for (const char* format : {"NV12", "I420", "BGR"}) {
    SCOPED_TRACE(format);
    const Pipeline pipeline =
        launch(std::string("fvtestsrc num-buffers=30 seed=3 ! video/x-raw,width=161,height=97,format=") + format +
               ",framerate=25/1");
    int count = 0;
    while (const Sample sample = pull(pipeline)) {
      GstBuffer* buffer = gst_sample_get_buffer(sample.get());
      EXPECT_EQ(GST_BUFFER_PTS(buffer), static_cast<GstClockTime>(count) * 40 * GST_MSECOND);
      EXPECT_EQ(GST_BUFFER_DURATION(buffer), 40 * GST_MSECOND);
      EXPECT_EQ(GST_BUFFER_OFFSET(buffer), static_cast<guint64>(count));
      const FrameAnalysis* truth = find_truth(buffer);
      ASSERT_NE(truth, nullptr);
      EXPECT_EQ(truth->width_px, 161);
      EXPECT_EQ(truth->height_px, 97);
      ASSERT_EQ(truth->masks.size(), 1U);
      EXPECT_EQ(truth->masks[0].width, 161 / 4);
      ++count;
    }
    EXPECT_EQ(count, 30);
  }
}

TEST(FvTestSrc, DefaultsToHdAtThirtyFrames) {
  const Pipeline pipeline = launch("fvtestsrc num-buffers=1");
  const Sample sample = pull(pipeline);
  ASSERT_TRUE(sample);
  const GstVideoInfo info = info_of(sample);
  EXPECT_EQ(GST_VIDEO_INFO_WIDTH(&info), 1280);
  EXPECT_EQ(GST_VIDEO_INFO_HEIGHT(&info), 720);
  EXPECT_EQ(info.fps_n, 30);
  EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_FORMAT_NV12);
}

TEST(FvTestSrc, SeedDecidesThePicture) {
  const auto first = [](const std::string& properties) {
    const Pipeline pipeline = launch("fvtestsrc num-buffers=1 " + properties + " ! video/x-raw,width=64,height=48");
    const Sample sample = pull(pipeline);
    return sample ? bytes_of(sample) : std::vector<guint8>();
  };
  EXPECT_EQ(first("seed=5 light=day"), first("seed=5 light=day pattern=street"));
  EXPECT_NE(first("seed=5 light=day"), first("seed=6 light=day"));
  EXPECT_NE(first("seed=5 light=day"), first("seed=5 light=night"));
}

TEST(FvTestSrc, TruthSurvivesConversionAndScaling) {
  const std::string source = "fvtestsrc num-buffers=1 seed=1 ! video/x-raw,width=320,height=180";
  const Pipeline plain = launch(source);
  const Pipeline scaled = launch(source + " ! videoconvert ! videoscale ! video/x-raw,width=160,height=90,format=RGB");
  const Sample before = pull(plain);
  const Sample after = pull(scaled);
  ASSERT_TRUE(before && after);
  const FrameAnalysis* truth = find_truth(gst_sample_get_buffer(before.get()));
  const FrameAnalysis* copy = find_truth(gst_sample_get_buffer(after.get()));
  ASSERT_TRUE(truth != nullptr && copy != nullptr);
  ASSERT_FALSE(truth->objects.empty());
  ASSERT_EQ(copy->objects.size(), truth->objects.size());
  for (std::size_t i = 0; i < truth->objects.size(); ++i) {
    EXPECT_EQ(copy->objects[i].box, truth->objects[i].box);
    EXPECT_EQ(copy->objects[i].label, truth->objects[i].label);
  }
}

TEST(FvTestSrc, MaskCanBeLeftOut) {
  const Pipeline pipeline = launch("fvtestsrc num-buffers=1 mask=false ! video/x-raw,width=64,height=48");
  const Sample sample = pull(pipeline);
  ASSERT_TRUE(sample);
  EXPECT_TRUE(find_truth(gst_sample_get_buffer(sample.get()))->masks.empty());
}

TEST(FvTestSrc, LiveKeepsToTheClock) {
  const Pipeline pipeline = launch("fvtestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=50/1");
  const Sample first = pull(pipeline);
  ASSERT_TRUE(first);
  GstClock* clock = gst_element_get_clock(pipeline.get());
  const GstClockTime begin = gst_clock_get_time(clock);
  GstClockTime last = 0;
  for (int i = 0; i < 10; ++i) {
    const Sample sample = pull(pipeline);
    ASSERT_TRUE(sample);
    last = GST_BUFFER_PTS(gst_sample_get_buffer(sample.get()));
  }
  const GstClockTime elapsed = gst_clock_get_time(clock) - begin;
  gst_object_unref(clock);
  // Ten frames of 20 ms; the first may have been pulled up to a frame late. A busy machine only makes it longer.
  EXPECT_GE(elapsed, 9 * 20 * GST_MSECOND - 20 * GST_MSECOND);
  EXPECT_GE(last, 10 * 20 * GST_MSECOND);
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  // The plugin of this build only, not one that happens to be installed.
  g_setenv("GST_PLUGIN_PATH", FOVEA_BINARY_DIR "/lib/gstreamer-1.0", TRUE);
  g_setenv("GST_REGISTRY", FOVEA_BINARY_DIR "/tests/fvtestsrc-registry.bin", TRUE);
  g_setenv("GST_REGISTRY_FORK", "no", TRUE);
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
