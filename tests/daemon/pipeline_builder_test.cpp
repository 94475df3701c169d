// The text made from a pipeline's configuration.
#include "daemon/pipeline_builder.hpp"

#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace fovea {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NodeConfig node() {
  NodeConfig config = default_node_config();
  config.node = "box7";
  return config;
}

PipelineConfig people() {
  PipelineConfig pipeline;
  pipeline.name = "people";
  SourceConfig source;
  source.file = "/clips/one two.mp4";
  pipeline.sources = {source};
  ModelStage detect;
  detect.model = "/models/m.xml";
  detect.threshold = 0.5;
  detect.inference_interval = 2;
  ModelStage classify;
  classify.task = ModelTask::kClassify;
  classify.model = "/models/c.xml";
  classify.object_class = "person";
  classify.reclassify_interval = 15;
  pipeline.stages = {detect, TrackStage{}, classify};
  PublishConfig publish;
  publish.kind = PublishKind::kMqtt;
  pipeline.publish = {publish};
  return pipeline;
}

std::string text_of(const PipelineConfig& pipeline) {
  return launch_description(pipeline, pipeline.sources[0], node());
}

TEST(LaunchDescription, TestPicturesComeFromTheirElements) {
  PipelineConfig pipeline = people();
  pipeline.sources[0].file.clear();
  pipeline.sources[0].test = "street";
  EXPECT_THAT(launch_description(pipeline, pipeline.sources[0], node()), HasSubstr("fvtestsrc pattern=street"));
  pipeline.sources[0].test = "ball";
  EXPECT_THAT(launch_description(pipeline, pipeline.sources[0], node()), HasSubstr("videotestsrc pattern=ball"));
}

TEST(PipelineBuilder, OneBranchIsALine) {
  EXPECT_EQ(text_of(people()),
            "filesrc location=\"/clips/one two.mp4\" ! "
            "decodebin caps=\"video/x-raw(ANY)\" expose-all-streams=false ! videoconvert ! "
            "fvdetect name=detect0 model=/models/m.xml device=CPU threshold=0.5 inference-interval=2 ! "
            "fvtrack tracking-type=short-term high-confidence=0.5 tracking-per-class=false ! "
            "fvclassify name=classify0 model=/models/c.xml device=CPU object-class=person reclassify-interval=15 ! "
            "fvmetaconvert format=native add-empty-results=true source=\"/clips/one two.mp4\" node=box7 "
            "pipeline=people ! "
            "fvpublish method=mqtt address=127.0.0.1:1883 topic=fovea/box7/people/frames qos=0 ! "
            "fakesink name=sink0 sync=false async=false");
}

TEST(PipelineBuilder, LiveSourcesDropTheOldestFrameBeforeInference) {
  PipelineConfig pipeline = people();
  pipeline.sources[0].file.clear();
  pipeline.sources[0].uri = "rtsp://u:p@cam/1";
  const std::string text = text_of(pipeline);
  EXPECT_THAT(text, HasSubstr("queue name=intake leaky=downstream max-size-buffers=4"));
  EXPECT_THAT(text, HasSubstr("source=rtsp://cam/1 ")) << "what is published shows no password";
}

TEST(PipelineBuilder, SecretsStayOutOfTheText) {
  NodeConfig secret = node();
  secret.mqtt.username = "u";
  secret.mqtt.password = "s3cr3t";
  secret.mqtt.tls.enabled = true;
  const PipelineConfig pipeline = people();
  const std::string text = launch_description(pipeline, pipeline.sources[0], secret);
  EXPECT_THAT(text, Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(text, HasSubstr("address=mqtts://127.0.0.1:1883"));
}

TEST(PipelineBuilder, WaysOutBecomeBranches) {
  PipelineConfig pipeline = people();
  PublishConfig file;
  file.kind = PublishKind::kFile;
  file.path = "/out/{node}-{pipeline}.jsonl";
  PublishConfig gva;
  gva.kind = PublishKind::kStdout;
  gva.format = FormatChoice::kGva;
  pipeline.publish.push_back(file);
  pipeline.publish.push_back(gva);
  OutputConfig video;
  video.kind = OutputKind::kFile;
  video.path = "/out/{pipeline}.mkv";
  pipeline.outputs = {video};
  const std::string text = text_of(pipeline);
  EXPECT_THAT(text, HasSubstr("tee name=branches branches. ! queue"));
  EXPECT_THAT(text, HasSubstr("fvpublish method=file file-path=/out/box7-people.jsonl file-format=json-lines"));
  EXPECT_THAT(text, HasSubstr("fvoverlay ! videoconvert ! openh264enc"));
  EXPECT_THAT(text, HasSubstr("filesink name=sink2 location=/out/people.mkv"));
  std::size_t converters = 0;
  for (auto at = text.find("fvmetaconvert"); at != std::string::npos; at = text.find("fvmetaconvert", at + 1)) {
    ++converters;
  }
  EXPECT_EQ(converters, 2U) << "one for each format, shared by publishers of the same format";
}

TEST(PipelineBuilder, WithoutABrokerNothingIsPublishedThere) {
  NodeConfig quiet = node();
  quiet.mqtt.enabled = false;
  const PipelineConfig pipeline = people();
  EXPECT_THAT(launch_description(pipeline, pipeline.sources[0], quiet), Not(HasSubstr("fvpublish")));
}

/// gst-launch's own parser must get back what was quoted.
TEST(PipelineBuilder, QuotingSurvivesGstreamersParser) {
  gst_init(nullptr, nullptr);
  for (const char* value : {"plain", "with space", "quote\"inside", "back\\slash", "it's", "a ! b", "$HOME;x", "ü",
                            "{}", "trailing\\", "[1]", "a=b"}) {
    const std::string text = "filesrc name=src location=" + quote_value(value) + " ! fakesink";
    GError* error = nullptr;
    GstElement* pipeline = gst_parse_launch(text.c_str(), &error);
    ASSERT_EQ(error, nullptr) << text << ": " << (error == nullptr ? "" : error->message);
    GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "src");
    gchar* location = nullptr;
    g_object_get(source, "location", &location, nullptr);
    EXPECT_STREQ(location, value);
    g_free(location);
    gst_object_unref(source);
    gst_object_unref(pipeline);
  }
}

/// The shell must hand gst-launch the words of the description.
TEST(PipelineBuilder, ShellCommandKeepsTheWords) {
  const std::string description =
      "filesrc location=\"it's a \\\"$HOME\\\" `x` ! y\" ! fakesink caps=\"video/x-raw(ANY)\"";
  std::string command = shell_command(description);
  command.replace(0, std::string("gst-launch-1.0 -e").size(), "printf '%s\\n'");
  FILE* shell = ::popen(command.c_str(), "r");
  ASSERT_NE(shell, nullptr);
  std::string out(4096, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), shell));
  ::pclose(shell);
  EXPECT_EQ(out, "filesrc\nlocation=\"it's a \\\"$HOME\\\" `x` ! y\"\n!\nfakesink\ncaps=\"video/x-raw(ANY)\"\n");
}

}  // namespace
}  // namespace fovea
