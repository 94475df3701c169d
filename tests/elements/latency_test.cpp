// Latency, QoS, overflow and interval: how an inference element keeps up with a live source.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

class Latency : public InferenceTest {};
class DelayedLatency : public InferenceTest {};

TEST_F(Latency, GrowsByOneFrameAtLeast) {
  Harness harness(detector());
  gst_harness_set_live(harness.get(), TRUE);
  gst_harness_set_upstream_latency(harness.get(), 100 * GST_MSECOND);
  harness.grey();
  ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
  ASSERT_NE(harness.pull(), nullptr);
  EXPECT_EQ(gst_harness_query_latency(harness.get()), 100 * GST_MSECOND + kFrameDuration);
}

TEST_F(Latency, BudgetIsWhatIsReported) {
  Harness harness(detector("latency-budget=250"));
  gst_harness_set_live(harness.get(), TRUE);
  harness.grey();
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
    ASSERT_NE(harness.pull(), nullptr);
  }
  EXPECT_EQ(gst_harness_query_latency(harness.get()), 250 * GST_MSECOND);
  EXPECT_EQ(harness.message(GST_MESSAGE_LATENCY, std::chrono::nanoseconds{0}), nullptr);
}

TEST_F(DelayedLatency, IsAnnouncedWhenItGrows) {
  Harness harness(detector("nireq=1"));
  harness.caps("GRAY8", 32, 32);
  // 16 completions are late by up to 20 ms each; the 99th percentile of them exceeds one frame of 1 ms.
  gst_harness_set_src_caps_str(harness.get(), "video/x-raw,format=GRAY8,width=32,height=32,framerate=1000/1");
  gst_harness_set_live(harness.get(), TRUE);
  for (int i = 0; i < 32; ++i) {
    ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
    ASSERT_NE(harness.pull(), nullptr);
  }
  EXPECT_NE(harness.message(GST_MESSAGE_LATENCY), nullptr);
  const GstClockTime latency = gst_harness_query_latency(harness.get());
  EXPECT_GT(latency, GST_MSECOND);
  EXPECT_EQ(latency % GST_MSECOND, 0U) << "in whole frames";
}

TEST_F(Latency, WaitingForDownstreamIsNotOurs) {
  Harness harness(detector("overflow=block"));
  harness.grey();
  GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
  // A sink that shows each frame 100 ms after the one before.
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer /*data*/) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  gst_object_unref(pad);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
  }
  for (int i = 0; i < 10; ++i) {
    ASSERT_NE(harness.pull(), nullptr);
  }
  GstStructure* stats = nullptr;
  g_object_get(harness.element(), "stats", &stats, nullptr);
  double p50 = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "latency-p50-ms", &p50));
  gst_structure_free(stats);
  // All frames but the first wait for the sink that long at least.
  EXPECT_LT(p50, 100);
}

class Qos : public InferenceTest {};

TEST_F(Qos, LateFramesPassWithoutInference) {
  Harness harness(detector());
  harness.grey();
  ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
  ASSERT_NE(harness.pull(), nullptr);
  // Frame 0 was 100 ms late: frames before 0 + 2·100 ms + one frame of 40 ms, that is 1 to 5, will be late as well.
  ASSERT_TRUE(gst_harness_push_upstream_event(harness.get(),
                                              gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 100 * GST_MSECOND, 0)));
  for (int i = 1; i <= 8; ++i) {
    ASSERT_EQ(harness.push_level(i), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(seen_level(buffer.get()) >= 0, i > 5) << i;
    EXPECT_EQ(find_analysis(buffer.get())->inferred, i > 5) << i;
  }
  EXPECT_EQ(harness.stat("skipped"), 5U);
  EXPECT_EQ(harness.stat("inferred"), 4U);
  EXPECT_EQ(harness.stat("frames-in"), 9U);
  EXPECT_EQ(harness.stat("frames-out"), 9U);
  const MessagePtr message = harness.message(GST_MESSAGE_QOS);
  ASSERT_NE(message, nullptr);
  guint64 timestamp = 0;
  gst_message_parse_qos(message.get(), nullptr, nullptr, nullptr, &timestamp, nullptr);
  EXPECT_EQ(timestamp, kFrameDuration);
}

TEST_F(Qos, EventsReachUpstreamToo) {
  Harness harness(detector());
  harness.grey();
  ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
  ASSERT_TRUE(gst_harness_push_upstream_event(harness.get(),
                                              gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 100 * GST_MSECOND, 0)));
  bool found = false;
  while (GstEvent* event = gst_harness_try_pull_upstream_event(harness.get())) {
    found = found || GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(found);
}

class DelayedOverflow : public InferenceTest {
 protected:
  static constexpr int kFrames = 40;
  /// Pushes frames as fast as they are taken and pulls all. \return how many carry a result.
  static int run(Harness& harness, std::uint64_t most_in_flight) {
    harness.grey();
    for (int i = 0; i < kFrames; ++i) {
      EXPECT_EQ(harness.push_level(i), GST_FLOW_OK);
      EXPECT_LE(harness.stat("in-flight"), most_in_flight);
    }
    int seen = 0;
    for (int i = 0; i < kFrames; ++i) {
      const BufferPtr buffer = harness.pull();
      EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), static_cast<guint64>(i));
      seen += seen_level(buffer.get()) >= 0 ? 1 : 0;
    }
    return seen;
  }
};

TEST_F(DelayedOverflow, BlockInfersEveryFrame) {
  Harness harness(detector("nireq=2 max-in-flight=2 overflow=block"));
  EXPECT_EQ(run(harness, 2), kFrames);
  EXPECT_EQ(harness.stat("skipped"), 0U);
}

TEST_F(DelayedOverflow, SkipInferenceLetsFramesPass) {
  Harness harness(detector("nireq=1 max-in-flight=1 overflow=skip-inference"));
  const int seen = run(harness, 1);
  EXPECT_GT(seen, 0);
  EXPECT_LT(seen, kFrames) << "pushing a frame takes microseconds, its inference 10 ms on average";
  EXPECT_EQ(harness.stat("skipped"), static_cast<std::uint64_t>(kFrames - seen));
}

TEST_F(DelayedOverflow, AutoSkipsForALiveSourceOnly) {
  Harness live(detector("nireq=1 max-in-flight=1"));
  gst_harness_set_live(live.get(), TRUE);
  EXPECT_LT(run(live, 1), kFrames);
  Harness file(detector("nireq=1 max-in-flight=1"));
  EXPECT_EQ(run(file, 1), kFrames);
}

TEST_F(Latency, FinishedFramesThatWaitForASinkUseNoCredit) {
  Harness harness(detector("nireq=1 max-in-flight=1 overflow=skip-inference"));
  harness.grey();
  GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
  const gulong block = gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer /*data*/) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(harness.push_level(i), GST_FLOW_OK);
    ASSERT_TRUE(eventually([&] { return harness.stat("in-flight") == 0; }));
  }
  gst_pad_remove_probe(pad, block);
  gst_object_unref(pad);
  for (int i = 0; i < 4; ++i) {
    ASSERT_NE(harness.pull(), nullptr);
  }
  EXPECT_EQ(harness.stat("inferred"), 4U);
  EXPECT_EQ(harness.stat("skipped"), 0U);
}

class DelayedInterval : public InferenceTest {};

TEST_F(DelayedInterval, OnlyEveryNthFrameIsInferred) {
  Harness harness(detector("inference-interval=3 nireq=2"));
  harness.grey();
  constexpr int kFrames = 21;
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_EQ(harness.push_level(i * 10), GST_FLOW_OK);
  }
  for (int i = 0; i < kFrames; ++i) {
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), static_cast<guint64>(i));
    EXPECT_EQ(find_analysis(buffer.get())->inferred, i % 3 == 0);
    EXPECT_NEAR(seen_level(buffer.get()), i % 3 == 0 ? i * 10 : -1, kLevelTolerance);
  }
  EXPECT_EQ(harness.stat("inferred"), 7U);
  EXPECT_EQ(harness.stat("skipped"), 0U) << "an interval is no overload";
}

TEST_F(Latency, ALongIntervalDoesNotPileUpFrames) {
  Harness harness(detector("inference-interval=1000000 max-in-flight=2"));
  harness.grey();
  GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
  const gulong block = gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer /*data*/) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  constexpr int kFrames = 200;
  std::atomic<int> accepted{0};
  std::jthread pusher([&] {
    for (int i = 0; i < kFrames && harness.push_level(i) == GST_FLOW_OK; ++i) {
      ++accepted;
    }
  });
  ASSERT_TRUE(eventually([&] { return accepted > 10 && gst_pad_is_blocking(pad) != FALSE; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // were it unbounded, all would be in by now
  EXPECT_LT(accepted, 64);
  gst_pad_remove_probe(pad, block);
  gst_object_unref(pad);
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_NE(harness.pull(), nullptr);
  }
}

class Allocation : public InferenceTest {
 protected:
  /// What the element answers upstream's ALLOCATION query with. \return the least number of buffers, 0 without a pool.
  static unsigned ask(Harness& harness, bool& video_meta) {
    GstCaps* caps = gst_caps_from_string(video_caps("GRAY8", 32, 32).c_str());
    GstQuery* query = gst_query_new_allocation(caps, TRUE);
    EXPECT_TRUE(gst_pad_peer_query(harness.get()->srcpad, query));
    video_meta = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr) != FALSE;
    guint least = 0;
    if (gst_query_get_n_allocation_pools(query) > 0) {
      guint size = 0;
      gst_query_parse_nth_allocation_pool(query, 0, nullptr, &size, &least, nullptr);
      EXPECT_EQ(size, 32U * 32U);
    }
    gst_query_unref(query);
    gst_caps_unref(caps);
    return least;
  }
};

/// A downstream that does not know the query, as most sinks.
gboolean ignore_allocation(GstPad* pad, GstObject* parent, GstQuery* query) {
  return GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION ? FALSE : gst_pad_query_default(pad, parent, query);
}

/// A downstream with a pool of 5 that reads rows without padding only.
gboolean offer_pool(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) {
    return gst_pad_query_default(pad, parent, query);
  }
  gst_query_add_allocation_pool(query, nullptr, 32 * 32, 5, 0);
  return TRUE;
}

TEST_F(Allocation, AsksForThePicturesItHolds) {
  Harness harness(detector("max-in-flight=3"));
  gst_pad_set_query_function(harness.get()->sinkpad, ignore_allocation);
  harness.grey();
  bool video_meta = false;
  EXPECT_GE(ask(harness, video_meta), 3U);
  EXPECT_TRUE(video_meta);
}

TEST_F(Allocation, AddsToThePoolOfDownstream) {
  Harness harness(detector("max-in-flight=3"));
  harness.grey();
  bool video_meta = true;
  gst_pad_set_query_function(harness.get()->sinkpad, ignore_allocation);
  const unsigned alone = ask(harness, video_meta);
  gst_pad_set_query_function(harness.get()->sinkpad, offer_pool);
  EXPECT_EQ(ask(harness, video_meta), 5 + alone);
  EXPECT_FALSE(video_meta) << "downstream gets our frames as they came";
}

TEST_F(Allocation, SmallElementsPassTheQueryOn) {
  Harness harness(detector("max-in-flight=3") + " ! fvtrack ! fvoverlay ! fvmetaconvert");
  gst_pad_set_query_function(harness.get()->sinkpad, offer_pool);
  harness.grey();
  bool video_meta = true;
  EXPECT_GE(ask(harness, video_meta), 5U + 3U);
  EXPECT_FALSE(video_meta);
}

}  // namespace
}  // namespace fovea::testing
