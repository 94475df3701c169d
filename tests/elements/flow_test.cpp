// What an inference element does when downstream refuses, when its state changes in mid-stream, and when another
// element shares its model.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "engine/runtime/scheduler.hpp"
#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

using ::testing::HasSubstr;

/// Lets `passed` buffers through and then answers with `flow`.
struct Refusal {
  GstFlowReturn flow = GST_FLOW_OK;
  std::atomic<int> passed{0};
};

/// A refusing sink: a pad linked to the element instead of the harness's.
class RefusingSink {
 public:
  RefusingSink(Harness& harness, GstFlowReturn flow, int passed) : pad_(gst_pad_new("refuse", GST_PAD_SINK)) {
    refusal_.flow = flow;
    refusal_.passed = passed;
    gst_pad_set_element_private(pad_, &refusal_);
    gst_pad_set_chain_function(pad_, [](GstPad* pad, GstObject* /*parent*/, GstBuffer* buffer) {
      gst_buffer_unref(buffer);
      auto* refusal = static_cast<Refusal*>(gst_pad_get_element_private(pad));
      return refusal->passed-- > 0 ? GST_FLOW_OK : refusal->flow;
    });
    gst_pad_set_active(pad_, TRUE);
    source_ = gst_element_get_static_pad(harness.element(), "src");
    old_ = gst_pad_get_peer(source_);
    gst_pad_unlink(source_, old_);
    if (flow != GST_FLOW_NOT_LINKED) {
      EXPECT_EQ(gst_pad_link(source_, pad_), GST_PAD_LINK_OK);
    }
  }
  RefusingSink(const RefusingSink&) = delete;
  RefusingSink& operator=(const RefusingSink&) = delete;
  ~RefusingSink() {
    gst_pad_set_active(pad_, FALSE);
    gst_pad_unlink(source_, pad_);
    gst_pad_link(source_, old_);
    gst_object_unref(old_);
    gst_object_unref(source_);
    gst_object_unref(pad_);
  }

 private:
  Refusal refusal_;
  GstPad* pad_;
  GstPad* source_;
  GstPad* old_;
};

class DownstreamFlow : public InferenceTest, public ::testing::WithParamInterface<GstFlowReturn> {};

TEST_P(DownstreamFlow, ReachesUpstreamAFewFramesLater) {
  Harness harness(detector("max-in-flight=2"));
  const RefusingSink sink(harness, GetParam(), 3);
  harness.grey();
  GstFlowReturn flow = GST_FLOW_OK;
  int pushed = 0;
  // At most the frames let through, the refused one and the queue: in flight, plus 4, plus the one in chain.
  constexpr int kMost = 3 + 1 + 2 + 4 + 1;
  while (flow == GST_FLOW_OK && pushed <= kMost) {
    flow = harness.push_level(pushed++);
  }
  EXPECT_EQ(flow, GetParam());
  EXPECT_LE(pushed, kMost);
  EXPECT_EQ(harness.push_level(0), GetParam()) << "and stays";
}

INSTANTIATE_TEST_SUITE_P(Returns, DownstreamFlow,
                         ::testing::Values(GST_FLOW_EOS, GST_FLOW_ERROR, GST_FLOW_NOT_LINKED, GST_FLOW_FLUSHING,
                                           GST_FLOW_NOT_NEGOTIATED),
                         [](const auto& flow) {
                           std::string name = gst_flow_get_name(flow.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(DownstreamFlow, ARefusalSeenOnlyAtTheEndIsAnError) {
  Harness harness(detector());
  const RefusingSink sink(harness, GST_FLOW_ERROR, 0);
  harness.grey();
  ASSERT_EQ(harness.push_level(1), GST_FLOW_OK) << "the first frame is accepted before downstream answers";
  ASSERT_TRUE(eventually([&] { return harness.stat("frames-out") == 1; }));
  // The frame has been counted; the refusal follows at once. No further buffer carries it up, so EOS must tell.
  while (harness.eos()) {
    std::this_thread::yield();
  }
  EXPECT_THAT(harness.error(), HasSubstr("Internal data stream error"));
}

class States : public InferenceTest {
 protected:
  /// Reads the pipeline's state changes until it is in this state. \return false on error.
  static bool go(GstElement* pipeline, GstState state) {
    if (gst_element_set_state(pipeline, state) == GST_STATE_CHANGE_FAILURE) {
      return false;
    }
    const auto patience = static_cast<GstClockTime>(std::chrono::nanoseconds(kPatience).count());
    GstState now = GST_STATE_NULL;
    return gst_element_get_state(pipeline, &now, nullptr, patience) == GST_STATE_CHANGE_SUCCESS && now == state;
  }
};
class DelayedStates : public States {};

TEST_F(DelayedStates, ReadyAndNullInMidStreamTwentyTimes) {
  const std::string launch = "videotestsrc ! video/x-raw,format=NV12,width=64,height=48 ! " +
                             detector("name=detect nireq=2 max-in-flight=4") + " ! fakesink sync=false name=sink";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  ASSERT_NE(pipeline, nullptr);
  GstElement* detect = gst_bin_get_by_name(GST_BIN(pipeline), "detect");
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(go(pipeline, GST_STATE_PLAYING)) << round;
    ASSERT_TRUE(eventually([&] {
      GstStructure* stats = nullptr;
      g_object_get(detect, "stats", &stats, nullptr);
      guint64 out = 0;
      guint64 in_flight = 0;
      gst_structure_get_uint64(stats, "frames-out", &out);
      gst_structure_get_uint64(stats, "in-flight", &in_flight);
      gst_structure_free(stats);
      return out > 3 && in_flight > 0;
    })) << round;
    ASSERT_TRUE(go(pipeline, round % 2 == 0 ? GST_STATE_READY : GST_STATE_NULL)) << round;
  }
  ASSERT_TRUE(go(pipeline, GST_STATE_NULL));
  gst_object_unref(detect);
  gst_object_unref(pipeline);
}

TEST_F(States, TheModelGoesWithItsLastElement) {
  const auto lanes = [] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream name(entry.path() / "comm");
      std::string text;
      std::getline(name, text);
      count += text.starts_with("fovea-cpu") ? 1 : 0;
    }
    return count;
  };
  {
    Harness harness(detector("nireq=2"));
    harness.grey();
    ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
    ASSERT_NE(harness.pull(), nullptr);
    EXPECT_GT(lanes(), 0);
  }
  EXPECT_EQ(lanes(), 0) << "the engine's threads live as long as a compiled model does";
}

TEST(Lanes, EndAtAnyMoment) {
  // A lane that has looked for work and is about to sleep must not miss the end: so many rounds meet that moment.
  for (int i = 0; i < 5000; ++i) {
    Scheduler scheduler;
    scheduler.open_lanes("TEST", 2, 2);
    if (i % 2 == 0) {
      scheduler.submit("TEST", {.run = [] {}, .reject = [] {}});
    }
  }
}

class SharedInstance : public InferenceTest {};

TEST_F(SharedInstance, OneBlockedElementLeavesTheOtherAlone) {
  Harness blocked(detector("nireq=1 model-instance-id=shared max-in-flight=1 overflow=block"));
  Harness flowing(detector("nireq=1 model-instance-id=shared max-in-flight=1 overflow=block"));
  blocked.grey();
  flowing.grey();
  GstPad* pad = gst_element_get_static_pad(blocked.element(), "src");
  const gulong block = gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer /*data*/) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  std::atomic<int> accepted{0};
  constexpr int kFrames = 30;
  std::jthread pusher([&] {
    for (int i = 0; i < kFrames && blocked.push_level(i) == GST_FLOW_OK; ++i) {
      ++accepted;
    }
  });
  ASSERT_TRUE(eventually([&] { return gst_pad_is_blocking(pad) != FALSE; }));
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(flowing.push_level(i), GST_FLOW_OK);
    const BufferPtr buffer = flowing.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_NEAR(seen_level(buffer.get()), i, kLevelTolerance);
  }
  EXPECT_LT(accepted, kFrames) << "the blocked element's queue is bounded";
  gst_pad_remove_probe(pad, block);
  gst_object_unref(pad);
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_NE(blocked.pull(), nullptr);
  }
}

TEST_F(SharedInstance, OtherSettingsUnderOneIdNameBothElements) {
  const Harness first(detector("name=door model-instance-id=shared nireq=1"));
  const std::string text = start_error(detector("name=gate model-instance-id=shared nireq=2"));
  EXPECT_THAT(text, HasSubstr("door"));
  EXPECT_THAT(text, HasSubstr("gate"));
  EXPECT_THAT(text, HasSubstr("nireq"));
  EXPECT_THAT(text, HasSubstr("shared"));
}

}  // namespace
}  // namespace fovea::testing
