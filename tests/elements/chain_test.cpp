// From detection to published line: tracking, messages, drawing, and what becomes of buffers on the way.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/elements/inference_fixture.hpp"
#include "tests/elements/padded_picture.hpp"

namespace fovea::testing {
namespace {

class Chain : public InferenceTest {};

TEST_F(Chain, TheTrackerPredictsBetweenInferredFrames) {
  Harness harness(detector("inference-interval=3") + " ! fvtrack min-hits=1");
  harness.grey();
  constexpr int kFrames = 30;
  std::uint64_t id = 0;
  for (int i = 0; i < kFrames; ++i) {
    const int level = 40 + 4 * i;
    ASSERT_EQ(harness.push_level(level), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    const FrameAnalysis* analysis = find_analysis(buffer.get());
    ASSERT_EQ(analysis->objects.size(), 1U) << i;
    const Object& object = analysis->objects[0];
    EXPECT_EQ(object.predicted, i % 3 != 0);
    ASSERT_TRUE(object.track_id.has_value()) << i;
    id = i == 0 ? *object.track_id : id;
    EXPECT_EQ(*object.track_id, id);
    if (i > kFrames / 2) {
      // By now the filter knows the speed: 4 levels a frame, half of one detection's step of 12.
      EXPECT_NEAR(level_of_left(object.box.x), level, 6) << i;
    }
  }
}

TEST_F(Chain, ZeroTermTrackingShowsDetectionsOnly) {
  Harness harness(detector("inference-interval=2") + " ! fvtrack min-hits=1 tracking-type=zero-term");
  harness.grey();
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(harness.push_level(50), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    EXPECT_EQ(find_analysis(buffer.get())->objects.size(), i % 2 == 0 ? 1U : 0U);
  }
}

class Publishing : public Chain, public ::testing::WithParamInterface<const char*> {};

TEST_P(Publishing, WritesOneLineAFrame) {
  const std::string file = (dir_ / "out.jsonl").string();
  const std::string format = GetParam();
  constexpr int kFrames = 20;
  {
    Harness harness(detector() + " ! fvtrack ! fvmetaconvert pipeline=door format=" + format +
                    " ! fvpublish method=file file-path=" + file);
    harness.grey();
    for (int i = 0; i < kFrames; ++i) {
      ASSERT_EQ(harness.push_level(10 * i), GST_FLOW_OK);
    }
    ASSERT_TRUE(harness.eos());
    ASSERT_TRUE(harness.wait_for_eos());
  }
  std::ifstream lines(file);
  std::string line;
  int count = 0;
  std::uint64_t first = 0;
  while (std::getline(lines, line)) {
    const auto message = nlohmann::json::parse(line);
    ASSERT_EQ(message.at("objects").size(), 1U) << line;
    if (format == "native") {
      first = count == 0 ? message.at("seq").get<std::uint64_t>() : first;
      EXPECT_EQ(message.at("seq"), first + static_cast<std::uint64_t>(count));
      EXPECT_EQ(message.at("pts_ns"), static_cast<std::uint64_t>(count) * kFrameDuration);
      EXPECT_EQ(message.at("pipeline"), "door");
    } else {
      EXPECT_EQ(message.at("objects").at(0).at("detection").at("label"), "thing");
      EXPECT_EQ(message.at("timestamp"), static_cast<std::uint64_t>(count) * kFrameDuration);
    }
    ++count;
  }
  EXPECT_EQ(count, kFrames);
}

INSTANTIATE_TEST_SUITE_P(Formats, Publishing, ::testing::Values("native", "gva"));

TEST_F(Chain, ATypingErrorInAPropertyGetsAHint) {
  EXPECT_THAT(start_error("fvmetaconvert format=nativ"), ::testing::HasSubstr("native"));
  EXPECT_THAT(start_error("fvpublish method=fil"), ::testing::HasSubstr("file"));
  EXPECT_THAT(start_error("fvtrack tracking-type=short"), ::testing::HasSubstr("short-term"));
  EXPECT_THAT(start_error("fvpublish method=file file-path=/nowhere/out.jsonl"),
              ::testing::HasSubstr("/nowhere/out.jsonl"));
}

class Overlay : public Chain, public ::testing::WithParamInterface<const char*> {};

TEST_P(Overlay, DrawsIntoThePictureOnly) {
  const std::string format = GetParam();
  for (const auto& [width, height] : {std::pair{64, 48}, {33, 17}, {1, 1}}) {
    Harness harness("fvoverlay");
    harness.caps(format, width, height);
    BufferPtr picture = padded_picture(format, width, height, 100);
    // Beyond the picture on two sides.
    gst_buffer_add_video_region_of_interest_meta(picture.get(), "thing", static_cast<guint>(width / 2),
                                                 static_cast<guint>(height / 2), static_cast<guint>(width),
                                                 static_cast<guint>(height));
    const std::vector<guint8> before = bytes_of(picture.get());
    ASSERT_EQ(harness.push(std::move(picture)), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    const std::vector<guint8> after = bytes_of(buffer.get());
    const std::vector<bool> visible = visible_bytes(picture_info(format, width, height), buffer.get());
    ASSERT_EQ(after.size(), before.size());
    std::size_t drawn = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
      drawn += after[i] != before[i] ? 1U : 0U;
      EXPECT_TRUE(after[i] == before[i] || visible[i]) << "byte " << i << " of " << width << 'x' << height;
    }
    EXPECT_GT(drawn, 0U) << width << 'x' << height;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Overlay,
                         ::testing::Values("NV12", "I420", "BGR", "RGB", "BGRx", "RGBx", "BGRA", "RGBA", "GRAY8"));

class Leaks : public InferenceTest {
 protected:
  /// Counts this buffer down when it is freed.
  void watch(GstBuffer* buffer) {
    ++alive_;
    gst_mini_object_weak_ref(
        GST_MINI_OBJECT(buffer),
        [](gpointer count, GstMiniObject* /*buffer*/) { --*static_cast<std::atomic<int>*>(count); }, &alive_);
  }
  void push(Harness& harness, int level) {
    BufferPtr picture = harness.picture(level, static_cast<std::uint64_t>(level));
    watch(picture.get());
    harness.push(std::move(picture));
  }
  std::atomic<int> alive_{0};
};

class DelayedLeaks : public Leaks {};

TEST_F(DelayedLeaks, AnIdleElementKeepsNoBufferAfterAFlush) {
  Harness harness(detector("nireq=4 max-in-flight=8"));
  harness.grey();
  for (int i = 0; i < 8; ++i) {
    push(harness, i);
  }
  ASSERT_TRUE(harness.push_event(gst_event_new_flush_start()));
  while (harness.waiting_buffers() > 0) {
    ASSERT_NE(harness.pull(), nullptr);
  }
  EXPECT_TRUE(eventually([&] { return alive_ == 0; })) << "a request holds the frame of its last run";
  ASSERT_TRUE(harness.push_event(gst_event_new_flush_stop(TRUE)));
}

TEST_F(Leaks, EveryBufferIsFreedHoweverTheStreamEnds) {
  for (const std::string end : {"eos", "flush", "teardown"}) {
    bool finalized = false;
    {
      Harness harness(detector("nireq=2") + " ! fvtrack ! " + classifier() +
                      " ! fvmetaconvert ! fvoverlay ! fvpublish file-path=" + (dir_ / "leaks.jsonl").string());
      g_object_weak_ref(
          G_OBJECT(harness.element()), [](gpointer flag, GObject* /*element*/) { *static_cast<bool*>(flag) = true; },
          &finalized);
      harness.grey();
      for (int i = 0; i < 10; ++i) {
        push(harness, i);
      }
      if (end == "eos") {
        ASSERT_TRUE(harness.eos());
        ASSERT_TRUE(harness.wait_for_eos());
      } else if (end == "flush") {
        ASSERT_TRUE(harness.push_event(gst_event_new_flush_start()));
        ASSERT_TRUE(harness.push_event(gst_event_new_flush_stop(TRUE)));
      }
    }
    EXPECT_TRUE(finalized) << end;
    EXPECT_EQ(alive_, 0) << end;
  }
}

}  // namespace
}  // namespace fovea::testing
