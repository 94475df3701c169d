// PipelineConfig: one file of pipelines/, what is done with one source or several.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config/node_config.hpp"
#include "daemon/config/settings.hpp"

namespace fovea {

struct ReconnectConfig {
  std::chrono::milliseconds min_backoff = 1s;
  std::chrono::milliseconds max_backoff = 30s;
  std::chrono::milliseconds stall_timeout = 20s;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("min-backoff", min_backoff, {10ms, 1h}, "Before the first new attempt; doubles up to max-backoff.");
    visit("max-backoff", max_backoff, {10ms, 24h}, "Longest time between attempts.");
    visit("stall-timeout", stall_timeout, {100ms, 24h}, "Without a frame for so long, the pipeline is started again.");
  }
  bool operator==(const ReconnectConfig&) const = default;
};

/// Exactly one of uri, device, file and test is set.
struct SourceConfig {
  std::string name;
  std::string uri;
  std::string device;
  std::string file;
  std::string test;
  bool loop = false;
  bool sync = false;
  std::string caps;
  std::int64_t frames = 0;
  ReconnectConfig reconnect;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("name", name, "Told in topics; needed in a list of sources.");
    visit("uri", uri, "A camera or stream: rtsp://, http://, file://, ….");
    visit("device", device, "A camera at this box: /dev/video0.");
    visit("file", file, "A recording; relative to this file.");
    visit("test", test, "street: our synthetic street (fvtestsrc); else a videotestsrc pattern: smpte, ball, ….");
    visit("loop", loop, "Begin again at the end of a file.");
    visit("sync", sync, "Play a file or test picture at its own pace instead of as fast as possible.");
    visit("caps", caps, "GStreamer caps asked of a device or test picture: video/x-raw,width=640,height=480.");
    visit("frames", frames, {0, std::int64_t{1} << 40}, "Test pictures until the end; 0: endless.");
    visit.section("reconnect", reconnect, "What to do when the source fails.");
  }
  bool operator==(const SourceConfig&) const = default;

  /// Frames arrive at their own pace and cannot wait.
  [[nodiscard]] bool is_live() const { return !device.empty() || uri.starts_with("rtsp"); }
};

enum class ModelTask : std::uint8_t { kDetect, kClassify, kSegment, kInference };

/// A stage that runs a model. All tasks share the settings; defaults that are "as the element has it" are left unset.
struct ModelStage {
  ModelTask task = ModelTask::kDetect;
  std::string model;
  std::string model_proc;
  std::string model_spec;
  std::string device = "CPU";
  double threshold = -1;
  std::string labels;
  std::string labels_file;
  std::int64_t inference_interval = 1;
  std::string inference_region;
  std::string object_class;
  std::int64_t reclassify_interval = 1;
  std::int64_t batch_size = 0;
  std::int64_t nireq = 0;
  std::string model_instance_id;
  std::string ie_config;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("model", model, "A model file (relative to this file), or the name of a model in the models directories.");
    visit("model-proc", model_proc, "DL Streamer's description of the model; relative to this file.");
    visit("model-spec", model_spec,
          "Fovea's description of the model; relative to this file. Empty: the one beside the model or installed.");
    visit("device", device, "CPU, GPU, …, AUTO.");
    if (task == ModelTask::kDetect) {
      visit("threshold", threshold, {-1, 1}, "Least confidence; -1: what the model's description says, else 0.5.");
    }
    visit("labels", labels, "Labels, separated by commas.");
    visit("labels-file", labels_file, "Labels, one a line; relative to this file.");
    visit("inference-interval", inference_interval, {1, 100000}, "Look at every n-th frame.");
    visit("inference-region", inference_region, "full-frame or roi-list. Empty: the element's default.");
    visit("object-class", object_class,
          "Only regions with these labels, separated by commas. Needs inference-region roi-list.");
    if (task == ModelTask::kClassify) {
      visit("reclassify-interval", reclassify_interval, {0, 100000},
            "Look at a tracked object every n-th frame; 0: once.");
    }
    visit("batch-size", batch_size, {0, 1024}, "0: what suits the device.");
    visit("nireq", nireq, {0, 1024}, "Requests in flight; 0: what suits the device.");
    visit("model-instance-id", model_instance_id, "Stages with the same id share one model.");
    visit("ie-config", ie_config, "Engine properties: KEY=VALUE,….");
  }
  bool operator==(const ModelStage&) const = default;
};

enum class TrackKind : std::uint8_t { kZeroTerm, kShortTerm, kZeroTermImageless, kShortTermImageless };
inline constexpr std::string_view kTrackKinds[] = {"zero-term", "short-term", "zero-term-imageless",
                                                   "short-term-imageless"};

struct TrackStage {
  TrackKind type = TrackKind::kShortTerm;
  double high_confidence = 0.5;
  bool per_class = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("type", type, kTrackKinds, "short-term also predicts where objects are between inferences.");
    visit("high-confidence", high_confidence, {0, 1}, "Less confident detections continue a track but start none.");
    visit("per-class", per_class,
          "A change of label ends a track. Otherwise a track keeps the label it was given most.");
  }
  bool operator==(const TrackStage&) const = default;
};

/// A piece of a gst-launch line, taken as it is.
struct GstStage {
  std::string fragment;
  bool operator==(const GstStage&) const = default;
};

using StageConfig = std::variant<ModelStage, TrackStage, GstStage>;

enum class FormatChoice : std::uint8_t { kNative, kGva };
inline constexpr std::string_view kFormatNames[] = {"native", "gva"};

enum class PublishKind : std::uint8_t { kMqtt, kFile, kStdout };
enum class FileFormatChoice : std::uint8_t { kJsonLines, kJson };
inline constexpr std::string_view kFileFormatNames[] = {"json-lines", "json"};

struct PublishConfig {
  PublishKind kind = PublishKind::kStdout;
  FormatChoice format = FormatChoice::kNative;
  bool add_empty_results = true;
  bool add_tensor_data = false;
  std::string topic = "{base}/{node}/{pipeline}/frames";
  std::int64_t qos = 0;
  bool retain = false;
  std::string path;
  FileFormatChoice file_format = FileFormatChoice::kJsonLines;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("format", format, kFormatNames, "native: docs/schemas/frame.json; gva: DL Streamer's JSON.");
    visit("add-empty-results", add_empty_results, "Also publish frames on which nothing was found.");
    visit("add-tensor-data", add_tensor_data, "Raw model outputs; large.");
    if (kind == PublishKind::kMqtt) {
      visit("topic", topic, "{base}, {node} and {pipeline} are filled in.");
      visit("qos", qos, {0, 1}, "0: at most once; 1: kept until the broker has acknowledged it.");
      visit("retain", retain, "The broker keeps the last message for those who come later.");
    }
    if (kind != PublishKind::kMqtt) {
      visit("file-format", file_format, kFileFormatNames, "json-lines: a message a line; json: one array.");
    }
    if (kind == PublishKind::kFile) {
      visit("path", path, "Where to append; {node} and {pipeline} are filled in; relative to this file.");
    }
  }
  bool operator==(const PublishConfig&) const = default;
};

enum class OutputKind : std::uint8_t { kFile, kPicture, kDisplay };

struct OutputConfig {
  OutputKind kind = OutputKind::kDisplay;
  std::string path;
  bool overlay = true;
  std::chrono::milliseconds interval = 1s;

  template <class Visitor>
  void describe(Visitor& visit) {
    if (kind == OutputKind::kFile) {
      visit("path", path,
            ".mkv or .mp4 (H.264), .webm (VP8), .avi (motion JPEG); {node} and {pipeline} are filled in.");
    } else if (kind == OutputKind::kPicture) {
      visit("path", path, "A JPEG file, overwritten each time, or numbered with %05d in its name.");
      visit("interval", interval, {10ms, 24h}, "Time between pictures.");
    }
    visit("overlay", overlay, "Draw boxes, labels and masks.");
  }
  bool operator==(const OutputConfig&) const = default;
};

struct PipelineConfig {
  std::string name;
  bool enabled = true;
  std::vector<SourceConfig> sources;  ///< At least one; one instance each.
  bool listed = false;                ///< From `sources:`: instances are called <name>-<source name>.
  std::vector<StageConfig> stages;
  std::vector<PublishConfig> publish;
  std::vector<OutputConfig> outputs;
  std::filesystem::path file;  ///< Where it was read from, absolute.

  bool operator==(const PipelineConfig&) const = default;

  [[nodiscard]] std::string instance_name(const SourceConfig& source) const {
    return listed ? name + "-" + source.name : name;
  }
};

/// Reads and checks a pipeline; models are found, paths made absolute.
/// \param model_directories  For models given by name.
/// \throws Error{kNotFound}, Error{kInvalidConfig} "file:line:column: …".
PipelineConfig read_pipeline_config(const std::filesystem::path& path,
                                    const std::vector<std::string>& model_directories);

/// All *.yaml files of a directory in alphabetical order; a missing directory holds none.
std::vector<std::filesystem::path> find_pipeline_files(const std::filesystem::path& directory);

}  // namespace fovea
