// Node and pipeline configuration: what is read, and how errors are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "daemon/config/node_config.hpp"
#include "daemon/config/pipeline_config.hpp"
#include "daemon/config/reference.hpp"
#include "daemon/service.hpp"
#include "engine/base/error.hpp"
#include "tests/publish/temp_dir.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Config : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    return dir_ / name;
  }

  PipelineConfig read(const std::string& text) {
    return read_pipeline_config(write("p.yaml", text), {(dir_ / "models").string()});
  }

  std::string complaint(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
      return error.what();
    }
    return "";
  }

  testing::TempDir dir_;
};

/// A visitor that counts the described keys.
struct KeyCounter {
  int count = 0;
  template <class Field>
  void operator()(std::string_view /*key*/, Field& /*field*/, std::string_view /*help*/) {
    ++count;
  }
  template <class Field>
  void operator()(std::string_view /*key*/, Field& /*field*/, Range<Field> /*range*/, std::string_view /*help*/) {
    ++count;
  }
  template <class Section>
  void section(std::string_view /*key*/, Section& section, std::string_view /*help*/) {
    section.describe(*this);
  }
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(Config, NodeReadsEveryKind) {
  const NodeConfig config = read_node_config(write("fovea.yaml", R"(
version: 1
node: box7
models: [models, /abs]
stats-interval: 2s
mqtt:
  address: "mqtts://broker"
  username: u
  password-file: secret
  max-queued-messages: 5
  keep-alive: 30s
  tls: {verify: false}
)"));
  EXPECT_EQ(config.node, "box7");
  EXPECT_EQ(config.models, (std::vector<std::string>{(dir_ / "models").string(), "/abs"}));
  EXPECT_EQ(config.stats_interval, 2s);
  const MqttSettings settings = config.mqtt_settings();
  EXPECT_EQ(settings.client_id, "fovea-box7");
  EXPECT_EQ(settings.status_topic, "fovea/box7/status");
  EXPECT_EQ(settings.password_file, (dir_ / "secret").string());
  EXPECT_EQ(settings.max_queued_messages, 5U);
  EXPECT_EQ(settings.keep_alive, std::chrono::seconds(30));
  EXPECT_FALSE(settings.tls.verify);
}

TEST_F(Config, NodeErrorsSayWhere) {
  const auto complaint_about = [&](const std::string& text) -> std::string {
    try {
      read_node_config(write("fovea.yaml", text));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint_about("version: 1\nmqtt:\n  adress: x\n"),
              AllOf(HasSubstr("fovea.yaml:3:3"), HasSubstr("did you mean 'address'")));
  EXPECT_THAT(complaint_about("version: 1\nmqtt:\n  address: 'a b'\n"), HasSubstr("fovea.yaml:3:12"));
  EXPECT_THAT(complaint_about("version: 2\n"), HasSubstr("version 1"));
  EXPECT_THAT(complaint_about("node: x\n"), HasSubstr("version"));
  EXPECT_THAT(complaint_about("version: 1\nnode: a/b\n"), HasSubstr("fovea.yaml:2:7"));
  EXPECT_THAT(complaint_about("version: 1\nstats-interval: 10\n"), HasSubstr("fovea.yaml:2:17"));
  EXPECT_THAT(complaint_about("version: 1\nmqtt: {password: x}\n"), HasSubstr("username"));
}

TEST_F(Config, CacheBecomesPropertiesOfTheEngine) {
  EXPECT_EQ(NodeConfig{}.cache_properties(), "");
  const NodeConfig config = read_node_config(write("fovea.yaml", "version: 1\ncache-dir: kept\ncache-size-mb: 7\n"));
  EXPECT_EQ(config.cache_properties(), "CACHE_DIR=" + (dir_ / "kept").string() + ",CACHE_SIZE_MB=7");
  EXPECT_EQ(read_node_config(write("fovea.yaml", "version: 1\ncache-dir: none\n")).cache_properties(), "");
  EXPECT_THAT(complaint_about("version: 1\ncache-dir: 'a,b'\n"), HasSubstr("fovea.yaml:2:12"));
}

TEST_F(Config, TheServicesCacheDirectoryIsUsedUnlessToldOtherwise) {
  ::setenv("CACHE_DIRECTORY", "/var/cache/fovea:/other", 1);
  EXPECT_EQ(default_node_config().cache_dir, "/var/cache/fovea/models");
  EXPECT_EQ(read_node_config(write("fovea.yaml", "version: 1\n")).cache_dir, "/var/cache/fovea/models");
  EXPECT_EQ(read_node_config(write("fovea.yaml", "version: 1\ncache-dir: /mine\n")).cache_dir, "/mine");
  ::unsetenv("CACHE_DIRECTORY");
}

TEST_F(Config, StagesUseTheNodesCacheUnlessTheySayTheirOwn) {
  write("fovea.yaml", "version: 1\ncache-dir: /kept\n");
  fs::create_directories(dir_ / "pipelines");
  std::ofstream(dir_ / "m.onnx") << "model";
  std::ofstream(dir_ / "pipelines/p.yaml") << "version: 1\nsource: {test: street}\nstages:\n"
                                              "  - detect: {model: ../m.onnx, ie-config: NUM_STREAMS=1}\n"
                                              "  - classify: {model: ../m.onnx, ie-config: CACHE_DIR=/own}\n";
  ServiceOptions options;
  options.config = dir_ / "fovea.yaml";
  const LoadedConfig loaded = load_config(options);
  ASSERT_EQ(loaded.pipelines.size(), 1U) << (loaded.broken.empty() ? "" : loaded.broken[0].message);
  EXPECT_EQ(std::get<ModelStage>(loaded.pipelines[0].stages[0]).ie_config,
            "NUM_STREAMS=1,CACHE_DIR=/kept,CACHE_SIZE_MB=1024");
  EXPECT_EQ(std::get<ModelStage>(loaded.pipelines[0].stages[1]).ie_config, "CACHE_DIR=/own");
}

TEST_F(Config, InstalledFileIsAllDefaults) {
  NodeConfig config = read_node_config(fs::path(FOVEA_SOURCE_DIR) / "configs/fovea.yaml");
  config.pipelines = NodeConfig{}.pipelines;  // Made absolute on reading.
  EXPECT_EQ(config, default_node_config());
}

TEST_F(Config, InstalledFileShowsEveryKeyWithItsDefault) {
  // What stands behind "#key: value" at the place of its section is a valid file that still equals the defaults.
  std::istringstream lines(text_of(fs::path(FOVEA_SOURCE_DIR) / "configs/fovea.yaml"));
  std::string opened;
  int keys = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto hash = line.find('#');
    const bool is_key = hash != std::string::npos && hash + 1 < line.size() && line[hash + 1] != ' ';
    keys += is_key ? 1 : 0;
    opened += (is_key ? line.erase(hash, 1) : line) + "\n";
  }
  NodeConfig config = read_node_config(write("opened.yaml", opened));
  config.pipelines = NodeConfig{}.pipelines;
  EXPECT_EQ(config, default_node_config()) << opened;
  KeyCounter counter;
  config.describe(counter);
  EXPECT_EQ(keys, counter.count) << "keys shown and keys there are";
}

TEST_F(Config, PipelineReadsTheExampleOfTheManual) {
  fs::create_directories(dir_ / "models/person-detection/FP16");
  std::ofstream(dir_ / "models/person-detection/FP16/person-detection.xml") << "<net/>";
  const PipelineConfig config = read(R"(
version: 1
name: entrance
source: {uri: "rtsp://camera-1/stream", reconnect: {max-backoff: 10s}}
stages:
  - detect: {model: person-detection, threshold: 0.6, inference-interval: 2}
  - track: {type: short-term}
  - gst: "identity silent=true"
publish:
  - mqtt: {topic: "fovea/{node}/{pipeline}/frames", qos: 1}
  - stdout
outputs:
  - file: {path: "{pipeline}.mkv", overlay: false}
)");
  EXPECT_EQ(config.name, "entrance");
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_TRUE(config.sources[0].is_live());
  EXPECT_EQ(config.sources[0].reconnect.max_backoff, 10s);
  ASSERT_EQ(config.stages.size(), 3U);
  const auto& detect = std::get<ModelStage>(config.stages[0]);
  EXPECT_EQ(detect.model, (dir_ / "models/person-detection/FP16/person-detection.xml").string());
  EXPECT_EQ(detect.threshold, 0.6);
  EXPECT_EQ(std::get<GstStage>(config.stages[2]).fragment, "identity silent=true");
  ASSERT_EQ(config.publish.size(), 2U);
  EXPECT_EQ(config.publish[0].qos, 1);
  EXPECT_EQ(config.publish[1].kind, PublishKind::kStdout);
  EXPECT_EQ(config.outputs[0].path, (dir_ / "{pipeline}.mkv").string());
}

TEST_F(Config, ListedSourcesAreInstancesOfTheirOwn) {
  const PipelineConfig config =
      read("version: 1\nname: street\nsources: [{name: a, test: ball}, {name: b, test: smpte}]\n");
  EXPECT_EQ(config.instance_name(config.sources[0]), "street-a");
  EXPECT_EQ(config.instance_name(config.sources[1]), "street-b");
}

TEST_F(Config, PipelineErrorsSayWhereAndWhat) {
  const std::string head = "version: 1\nsource: {test: ball}\n";
  EXPECT_THAT(complaint(head + "stages:\n  - detct: {}\n"),
              AllOf(HasSubstr("p.yaml:4:5"), HasSubstr("did you mean 'detect'")));
  EXPECT_THAT(complaint(head + "stages:\n  - detect: {model: m, treshold: 1}\n"),
              AllOf(HasSubstr("p.yaml:4:"), HasSubstr("did you mean 'threshold'")));
  EXPECT_THAT(complaint(head + "stages:\n  - track: {threshold: 1}\n"), HasSubstr("threshold"));
  EXPECT_THAT(complaint(head + "stages:\n  - detect: {device: CPU}\n"), HasSubstr("'model'"));
  EXPECT_THAT(complaint(head + "stages:\n  - detect: {model: nowhere}\n"),
              AllOf(HasSubstr("p.yaml:4:"), HasSubstr("'nowhere'"), HasSubstr("models")));
  std::ofstream(dir_ / "m.xml") << "<net/>";
  EXPECT_THAT(complaint(head + "stages:\n  - detect: {model: ./m.xml, object-class: person}\n"), HasSubstr("roi-list"));
  EXPECT_EQ(complaint(head + "stages:\n  - classify: {model: ./m.xml, object-class: person}\n"), "");
  EXPECT_THAT(complaint(head + "stages:\n  - analytics: {}\n"), HasSubstr("analytics"));
  EXPECT_THAT(complaint(head + "stages:\n  - track: {type: long-term}\n"), HasSubstr("zero-term"));
  EXPECT_THAT(complaint(head + "stages:\n  - {track: {}, gst: x}\n"), HasSubstr("another one"));
  EXPECT_THAT(complaint(head + "publish:\n  - mqtt: {topic: '{camera}/x'}\n"), HasSubstr("{camera}"));
  EXPECT_THAT(complaint(head + "publish:\n  - mqtt: {topic: 'a/#'}\n"), HasSubstr("p.yaml:4:"));
  EXPECT_THAT(complaint(head + "publish:\n  - mqtt: {qos: 2}\n"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(complaint(head + "publish:\n  - file: {}\n"), HasSubstr("'path'"));
  EXPECT_THAT(complaint(head + "outputs:\n  - file: {path: out.txt}\n"), HasSubstr(".mkv"));
  EXPECT_THAT(complaint("version: 1\n"), HasSubstr("'source'"));
  EXPECT_THAT(complaint("version: 1\nsource: {}\n"), HasSubstr("exactly one"));
  EXPECT_THAT(complaint("version: 1\nsource: {test: ball, uri: 'rtsp://x'}\n"), HasSubstr("exactly one"));
  EXPECT_THAT(complaint("version: 1\nsource: {file: missing.mp4}\n"), HasSubstr("missing.mp4"));
  EXPECT_THAT(complaint("version: 1\nsource: {test: ball, loop: true}\n"), HasSubstr("loop"));
  EXPECT_THAT(complaint("version: 1\nsources: [{test: ball}]\n"), HasSubstr("'name'"));
  EXPECT_THAT(complaint("version: 1\nsources: [{name: a, test: ball}, {name: a, test: ball}]\n"), HasSubstr("two"));
  EXPECT_THAT(complaint("version: 1\nname: 'a/b'\nsource: {test: ball}\n"), HasSubstr("p.yaml:2:7"));
}

TEST_F(Config, ExamplesLoad) {
  fs::copy(fs::path(FOVEA_SOURCE_DIR) / "pipelines", dir_ / "pipelines", fs::copy_options::recursive);
  std::ofstream(dir_ / "pipelines/recording.mp4") << "x";
  for (const char* model : {"person-detection-retail-0013", "person-vehicle-bike-detection-2000",
                            "vehicle-attributes-recognition-barrier-0039", "street-detect", "street-segment",
                            "street-vehicle-attributes"}) {
    fs::create_directories(dir_ / "models" / model);
    std::ofstream(dir_ / "models" / model / (std::string(model) + ".xml")) << "<net/>";
  }
  const auto files = find_pipeline_files(dir_ / "pipelines");
  EXPECT_GE(files.size(), 4U);
  for (const fs::path& file : files) {
    EXPECT_NO_THROW(read_pipeline_config(file, {(dir_ / "models").string()})) << file;
  }
}

TEST_F(Config, ReferencePageIsFresh) {
  EXPECT_EQ(text_of(fs::path(FOVEA_SOURCE_DIR) / "docs/config.md"), config_reference())
      << "write it again: fovead --print-config-reference > docs/config.md";
}

}  // namespace
}  // namespace fovea
