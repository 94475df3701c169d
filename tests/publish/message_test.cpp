// Messages: content, and that every one follows its published schema.
#include "publish/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "tests/publish/schema_check.hpp"

namespace fovea {
namespace {

using nlohmann::json;
using testing::schema_violation;

constexpr WallTime kTime{std::chrono::milliseconds(1787311399123)};  // 2026-08-21T11:23:19.123Z

MessageContext context() {
  return {.node = "box7",
          .pipeline = "entrance",
          .seq = 7,
          .pts = std::chrono::nanoseconds(33366666),
          .capture_time = kTime,
          .time_source = TimeSource::kArrival,
          .source = "rtsp://admin:pa/ss@cam1/main?key=1"};
}

Object person() {
  Object object;
  object.box = {0.1234567F, 0.25F, 0.5F, 0.5F};
  object.label = "person";
  object.label_id = 1;
  object.confidence = 0.875F;
  object.track_id = 42;
  object.model = "detector";
  object.attributes = {{"color", "red", 4, 0.75F, "attributes-model"}, {"age", "33", -1, 1.0F, "age-model"}};
  object.keypoints = {{"nose", {0.5F, 0.25F}, 0.5F}};
  object.tensors = {{"embedding", "reid", Tensor::of<float>({1, 2}, {0.5F, -1.0F})}};
  return object;
}

FrameAnalysis rich_analysis() {
  FrameAnalysis analysis;
  analysis.width_px = 1920;
  analysis.height_px = 1080;
  analysis.inferred = true;
  analysis.objects = {person()};
  analysis.attributes = {{"", "street", 3, 0.5F, "scene"}};
  SegmentationMask mask;
  mask.width = 4;
  mask.height = 2;
  mask.classes = std::make_shared<std::vector<std::uint8_t>>(std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1, 2, 2});
  mask.labels = {"road", "car"};
  mask.model = "segmenter";
  analysis.masks = {mask};
  analysis.tensors = {{"out", "scene", Tensor::of<std::int64_t>({2}, {5, 6})}};
  analysis.models = {{"detector", "0123abcd", "CPU"}};
  analysis.latency = {{"detect0", std::chrono::microseconds(250), std::chrono::microseconds(12345)}};
  return analysis;
}

FrameFormat everything(MessageFormat format) {
  return {.format = format,
          .add_empty_results = true,
          .add_tensor_data = true,
          .add_mask_runs = true,
          .tags = R"({"site":"A"})"};
}

TEST(NativeFrame, SaysWhatTheAnalysisHolds) {
  const json message = json::parse(*frame_message(rich_analysis(), context(), everything(MessageFormat::kNative)));
  EXPECT_EQ(message["schema"], json({{"name", "fovea.frame"}, {"version", 1}}));
  EXPECT_EQ(message["capture_time"], "2026-08-21T11:23:19.123Z");
  EXPECT_EQ(message["time_source"], "arrival");
  EXPECT_EQ(message["source"], "rtsp://cam1/main");
  EXPECT_EQ(message["pts_ns"], 33366666);
  const json& object = message["objects"][0];
  EXPECT_EQ(object["id"], 42);
  EXPECT_EQ(object["box"]["x"], 0.12346) << "five digits";
  EXPECT_FALSE(object["attributes"][1].contains("label_id")) << "a number has no index";
  EXPECT_EQ(object["tensors"][0]["data"], json({0.5, -1.0}));
  const json& mask = message["masks"][0];
  EXPECT_EQ(mask["runs"], json({0, 3, 1, 3, 2, 2}));
  EXPECT_EQ(mask["classes"][1], json({{"label_id", 1}, {"label", "car"}, {"area", 0.375}}));
  EXPECT_EQ(mask["classes"][2]["label"], "") << "more classes than labels";
  EXPECT_EQ(message["latency_ms"]["detect0"], json({{"wait", 0.25}, {"work", 12.345}}));
}

TEST(NativeFrame, LeavesOutWhatIsNotKnownOrNotAskedFor) {
  MessageContext bare = context();
  bare.pts.reset();
  bare.source.clear();
  FrameAnalysis analysis = rich_analysis();
  analysis.objects[0].track_id.reset();
  const json message = json::parse(*frame_message(analysis, bare, {}));
  EXPECT_FALSE(message.contains("pts_ns"));
  EXPECT_FALSE(message.contains("source"));
  EXPECT_FALSE(message.contains("tensors"));
  EXPECT_FALSE(message["objects"][0].contains("id"));
  EXPECT_FALSE(message["objects"][0].contains("tensors"));
  EXPECT_FALSE(message["masks"][0].contains("runs"));
}

TEST(NativeFrame, FollowsItsSchema) {
  FrameAnalysis nothing;
  nothing.width_px = 640;
  nothing.height_px = 480;
  MessageContext camera_time = context();
  camera_time.time_source = TimeSource::kCamera;
  camera_time.pts.reset();
  camera_time.source.clear();
  EXPECT_EQ(schema_violation("frame", {*frame_message(rich_analysis(), context(), everything(MessageFormat::kNative)),
                                       *frame_message(rich_analysis(), context(), {}),
                                       *frame_message(nothing, camera_time, {.add_empty_results = true})}),
            "");
}

TEST(NativeFrame, SchemaNoticesAChangedMessage) {
  json message = json::parse(*frame_message(rich_analysis(), context(), {}));
  message["objects"][0]["score"] = 1;
  EXPECT_THAT(schema_violation("frame", {message.dump()}), ::testing::HasSubstr("score"));
  message["objects"][0].erase("score");
  message["objects"][0].erase("box");
  EXPECT_THAT(schema_violation("frame", {message.dump()}), ::testing::HasSubstr("box"));
}

TEST(NativeFrame, SurvivesNumbersAndTextsJsonCannotHold) {
  FrameAnalysis analysis = rich_analysis();
  Object broken = person();
  broken.box.x = std::numeric_limits<float>::quiet_NaN();
  analysis.objects.push_back(broken);
  analysis.objects[0].label = "caf\xE9 \"quoted\"\n";
  analysis.objects[0].keypoints[0].position.x = std::numeric_limits<float>::infinity();
  analysis.objects[0].attributes[0].confidence = std::numeric_limits<float>::quiet_NaN();
  const std::string text = *frame_message(analysis, context(), everything(MessageFormat::kNative));
  EXPECT_EQ(json::parse(text)["objects"].size(), 1U);
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("\n"))) << "one line per message";
  EXPECT_EQ(schema_violation("frame", {text}), "");
}

TEST(FrameMessage, SaysNothingAboutNothingUnlessAsked) {
  FrameAnalysis nothing;
  for (const MessageFormat format : {MessageFormat::kNative, MessageFormat::kGva}) {
    EXPECT_EQ(frame_message(nothing, context(), {.format = format}), std::nullopt);
    EXPECT_NE(frame_message(nothing, context(), {.format = format, .add_empty_results = true}), std::nullopt);
  }
}

TEST(GvaFrame, LooksLikeGvametaconvert) {
  const json message = json::parse(*frame_message(rich_analysis(), context(), everything(MessageFormat::kGva)));
  EXPECT_EQ(message["resolution"], json({{"width", 1920}, {"height", 1080}}));
  EXPECT_EQ(message["timestamp"], 33366666);
  EXPECT_EQ(message["tags"]["site"], "A");
  const json& object = message["objects"][0];
  // 0.1234567 * 1920 = 237.04, 0.25 * 1080 = 270.
  EXPECT_EQ(object["x"], 237);
  EXPECT_EQ(object["y"], 270);
  EXPECT_EQ(object["w"], 960);
  EXPECT_EQ(object["h"], 540);
  EXPECT_EQ(object["id"], 42);
  EXPECT_EQ(object["roi_type"], "person");
  EXPECT_EQ(object["detection"]["bounding_box"],
            json({{"x_min", 0.12346}, {"x_max", 0.62346}, {"y_min", 0.25}, {"y_max", 0.75}}));
  EXPECT_EQ(object["detection"]["label_id"], 1);
  EXPECT_EQ(object["color"],
            json({{"label", "red"}, {"model", {{"name", "attributes-model"}}}, {"confidence", 0.75}, {"label_id", 4}}));
  EXPECT_EQ(object["tensors"][0]["precision"], "FP32");
  const json& frame = message["objects"][1];
  EXPECT_EQ(frame["w"], 1920);
  EXPECT_EQ(frame["classification/scene"]["label"], "street");
  EXPECT_FALSE(frame.contains("detection"));
}

TEST(GvaFrame, FollowsItsSchema) {
  FrameAnalysis outside = rich_analysis();
  outside.objects[0].box = {-0.25F, 0.5F, 0.5F, 1.0F};
  outside.objects[0].attributes[0].name = "detection";  // Would overwrite the detection.
  MessageContext camera_time = context();
  camera_time.time_source = TimeSource::kCamera;
  const std::string clipped = *frame_message(outside, camera_time, everything(MessageFormat::kGva));
  EXPECT_EQ(json::parse(clipped)["objects"][0]["w"], 480);
  EXPECT_TRUE(json::parse(clipped)["objects"][0].contains("classification/detection"));
  EXPECT_EQ(
      schema_violation("gva", {clipped, *frame_message(rich_analysis(), context(), everything(MessageFormat::kGva))}),
      "");
}

TEST(GvaFrame, RefusesTagsThatAreNoObject) {
  for (const char* tags : {"[1]", "{\"a\":", "text"}) {
    EXPECT_THROW(frame_message(rich_analysis(), context(), {.format = MessageFormat::kGva, .tags = tags}), Error);
    EXPECT_THROW(check_frame_format({.tags = tags}), Error);
  }
}

TEST(NodeRecords, FollowTheirSchemas) {
  std::vector<std::string> states;
  for (const PipelineState state :
       {PipelineState::kStarting, PipelineState::kRunning, PipelineState::kStalled, PipelineState::kRetrying,
        PipelineState::kFinished, PipelineState::kStopped, PipelineState::kFailed}) {
    states.push_back(to_json(StateRecord{.node = "box7",
                                         .pipeline = "entrance",
                                         .time = kTime,
                                         .state = state,
                                         .reason = state == PipelineState::kRunning ? "" : "because",
                                         .source = "rtsp://u:p@cam/1"}));
    EXPECT_THAT(states.back(), ::testing::Not(::testing::HasSubstr("u:p")));
  }
  EXPECT_EQ(schema_violation("state", states), "");
  StatsRecord stats{.node = "box7", .time = kTime, .version = "0.1.0", .uptime = std::chrono::seconds(5)};
  const std::string without_broker = to_json(stats);
  stats.mqtt = SinkStats{.published = 3, .connected = true};
  stats.pipelines = {{.name = "entrance", .state = PipelineState::kRunning, .frames = 9, .frames_per_second = 29.97}};
  EXPECT_EQ(schema_violation("stats", {without_broker, to_json(stats)}), "");
  const GapRecord gap{.topic = "a/b", .from = kTime, .to = kTime, .dropped = 2};
  GapRecord numbered = gap;
  numbered.first_seq = 4;
  numbered.last_seq = 5;
  EXPECT_EQ(schema_violation("gap", {to_json(gap), to_json(numbered)}), "");
}

TEST(Rfc3339, IsUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(WallTime{std::chrono::milliseconds(-1)}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(kTime), "2026-08-21T11:23:19.123Z");
}

TEST(WithoutCredentials, KeepsOnlyWhatMayBeShown) {
  EXPECT_EQ(without_credentials("rtsp://cam/1"), "rtsp://cam/1");
  EXPECT_EQ(without_credentials("rtsp://u:p@cam:554/1"), "rtsp://cam:554/1");
  EXPECT_EQ(without_credentials("rtsp://u:p@ss/w@cam/1"), "rtsp://cam/1");
  EXPECT_EQ(without_credentials("http://cam/v.cgi?user=u&pwd=p@q"), "http://cam/v.cgi");
  EXPECT_EQ(without_credentials("file:///clips/a@b.mp4"), "file:///clips/a@b.mp4");
  EXPECT_EQ(without_credentials("/clips/a@b.mp4"), "/clips/a@b.mp4");
}

}  // namespace
}  // namespace fovea
