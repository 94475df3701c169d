// Order of frames, events and results through an inference element whose model finishes in random order.
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

using ::testing::ElementsAre;

class DelayedOrder : public InferenceTest {};

TEST_F(DelayedOrder, EachBufferLeavesInOrderWithItsOwnResult) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  constexpr int kFrames = 60;
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_EQ(harness.push_level(i * 4), GST_FLOW_OK);
  }
  for (int i = 0; i < kFrames; ++i) {
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr) << i;
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), static_cast<guint64>(i));
    EXPECT_NEAR(seen_level(buffer.get()), i * 4, kLevelTolerance);
    EXPECT_TRUE(find_analysis(buffer.get())->inferred);
  }
  EXPECT_EQ(harness.stat("inferred"), kFrames);
}

TEST_F(DelayedOrder, SerializedEventsKeepTheirPlaceBetweenBuffers) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  ASSERT_EQ(harness.push_level(10), GST_FLOW_OK);
  ASSERT_NE(harness.pull(), nullptr);
  OutputLog log(harness.element());
  const auto push = [&](std::uint64_t number) { ASSERT_EQ(harness.push(harness.picture(10, number)), GST_FLOW_OK); };
  push(1);
  ASSERT_TRUE(harness.push_event(gst_event_new_gap(2 * kFrameDuration, kFrameDuration)));
  push(3);
  ASSERT_TRUE(harness.push_event(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "door", nullptr))));
  push(4);
  push(5);
  ASSERT_TRUE(harness.push_event(
      gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("application/mark"))));
  push(6);
  harness.caps("BGR", 48, 20);
  push(7);
  ASSERT_TRUE(harness.eos());
  ASSERT_TRUE(harness.wait_for_eos());
  EXPECT_THAT(log.lines(), ElementsAre("buffer 1", "gap", "buffer 3", "tag", "buffer 4", "buffer 5",
                                       "custom-downstream", "buffer 6", "caps", "segment", "buffer 7", "eos"));
}

TEST_F(DelayedOrder, BoxesFollowACapsChange) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(harness.push_level(100), GST_FLOW_OK);
  }
  harness.caps("BGR", 64, 16);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(harness.push_level(200), GST_FLOW_OK);
  }
  for (int i = 0; i < 10; ++i) {
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    const FrameAnalysis* analysis = find_analysis(buffer.get());
    EXPECT_EQ(analysis->width_px, i < 5 ? 32 : 64);
    EXPECT_NEAR(seen_level(buffer.get()), i < 5 ? 100 : 200, kLevelTolerance);
    const auto* roi = gst_buffer_get_video_region_of_interest_meta(buffer.get());
    ASSERT_NE(roi, nullptr);
    EXPECT_EQ(roi->w, i < 5 ? 8U : 16U) << "a quarter of the width";
  }
}

TEST_F(DelayedOrder, AllFramesLeaveBeforeEos) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  OutputLog log(harness.element());
  constexpr int kFrames = 8;
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_EQ(harness.push_level(i), GST_FLOW_OK);
  }
  ASSERT_TRUE(harness.eos());
  ASSERT_TRUE(harness.wait_for_eos());
  const std::vector<std::string> lines = log.lines();
  EXPECT_EQ(lines.back(), "eos");
  EXPECT_EQ(std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("buffer"); }), kFrames);
}

TEST_F(DelayedOrder, AStreamAfterEosFlows) {
  Harness harness(detector());
  harness.grey();
  ASSERT_EQ(harness.push_level(10), GST_FLOW_OK);
  ASSERT_TRUE(harness.eos());
  ASSERT_TRUE(harness.wait_for_eos());
  ASSERT_TRUE(harness.push_event(gst_event_new_stream_start("second")));
  harness.grey();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  ASSERT_TRUE(harness.push_event(gst_event_new_segment(&segment)));
  ASSERT_EQ(harness.push_level(20), GST_FLOW_OK);
  ASSERT_NE(harness.pull(), nullptr);
  const BufferPtr second = harness.pull();
  ASSERT_NE(second, nullptr);
  EXPECT_NEAR(seen_level(second.get()), 20, kLevelTolerance);
}

TEST_F(DelayedOrder, FlushDropsWhatIsInFlightAndTheStreamGoesOn) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(harness.push_level(i), GST_FLOW_OK);
    }
    ASSERT_TRUE(harness.push_event(gst_event_new_flush_start()));
    while (harness.waiting_buffers() > 0) {
      ASSERT_NE(harness.pull(), nullptr);
    }
    ASSERT_TRUE(harness.push_event(gst_event_new_flush_stop(TRUE)));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    ASSERT_TRUE(harness.push_event(gst_event_new_segment(&segment)));
    ASSERT_EQ(harness.push_level(100 + round), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_NEAR(seen_level(buffer.get()), 100 + round, kLevelTolerance) << "a frame from before the flush";
  }
}

TEST_F(DelayedOrder, FlushWakesAStreamingThreadThatWaitsForACredit) {
  Harness harness(detector("nireq=1 max-in-flight=1 overflow=block"));
  harness.grey();
  GstFlowReturn last = GST_FLOW_OK;
  std::jthread pusher([&] {
    for (int i = 0; i < 100'000 && last == GST_FLOW_OK; ++i) {
      last = harness.push_level(1);
    }
  });
  ASSERT_TRUE(eventually([&] { return harness.waiting_buffers() > 2; }));
  ASSERT_TRUE(harness.push_event(gst_event_new_flush_start()));
  pusher.join();
  EXPECT_EQ(last, GST_FLOW_FLUSHING);
  ASSERT_TRUE(harness.push_event(gst_event_new_flush_stop(TRUE)));
}

}  // namespace
}  // namespace fovea::testing
