// The text of a pipeline: source, stages, then one branch for each way out.
#include "daemon/pipeline_builder.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "publish/message.hpp"

namespace fovea {
namespace {

/// One element and its properties, in the order in which they are printed.
class Element {
 public:
  explicit Element(std::string factory) : text_(std::move(factory)) {}

  Element& set(std::string_view property, std::string_view value) {
    text_ += fmt::format(" {}={}", property, quote_value(value));
    return *this;
  }
  Element& set_if(bool condition, std::string_view property, std::string_view value) {
    return condition ? set(property, value) : *this;
  }
  Element& set_given(std::string_view property, std::string_view value) {
    return set_if(!value.empty(), property, value);
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Elements in a row.
class Chain {
 public:
  Chain& add(const Element& element) { return add_text(element.text()); }
  Chain& add_text(const std::string& text) {
    parts_.push_back(text);
    return *this;
  }
  Chain& add(const Chain& chain) {
    parts_.insert(parts_.end(), chain.parts_.begin(), chain.parts_.end());
    return *this;
  }
  [[nodiscard]] std::string text() const { return fmt::to_string(fmt::join(parts_, " ! ")); }

 private:
  std::vector<std::string> parts_;
};

/// Decodes pictures only: sound in the same stream would otherwise be decoded for nobody.
Element& only_video(Element& decoder) {
  return decoder.set("caps", "video/x-raw(ANY)").set("expose-all-streams", "false");
}

Chain source_chain(const SourceConfig& source) {
  Chain chain;
  if (!source.uri.empty()) {
    Element decoder("uridecodebin");
    chain.add(only_video(decoder.set("uri", source.uri)));
  } else if (!source.file.empty()) {
    Element decoder("decodebin");
    chain.add(Element("filesrc").set("location", source.file)).add(only_video(decoder));
  } else if (!source.device.empty()) {
    chain.add(Element("v4l2src").set("device", source.device));
    if (!source.caps.empty()) {
      chain.add(Element("capsfilter").set("caps", source.caps));
    }
    Element decoder("decodebin");
    chain.add(only_video(decoder));
  } else {
    chain.add(Element(source.test == "street" ? "fvtestsrc" : "videotestsrc")
                  .set("pattern", source.test)
                  .set_if(source.frames > 0, "num-buffers", fmt::to_string(source.frames)));
    if (!source.caps.empty()) {
      chain.add(Element("capsfilter").set("caps", source.caps));
    }
  }
  if (source.is_live()) {
    chain.add_text(intake_queue_description());
  }
  return chain.add(Element("videoconvert"));
}

std::string_view factory_of(ModelTask task) {
  switch (task) {
    case ModelTask::kDetect:
      return "fvdetect";
    case ModelTask::kClassify:
      return "fvclassify";
    case ModelTask::kSegment:
      return "fvsegment";
    case ModelTask::kInference:
      return "fvinference";
  }
  fail(ErrorCode::kInternal, "unknown task");
}

/// "detect0" and so on: names under which statistics are shown.
std::string stage_name(std::string_view factory, std::array<int, 4>& counts, ModelTask task) {
  return fmt::format("{}{}", factory.substr(2), counts[static_cast<std::size_t>(task)]++);
}

Element model_element(const ModelStage& stage, std::array<int, 4>& counts) {
  const std::string_view factory = factory_of(stage.task);
  Element element{std::string(factory)};
  element.set("name", stage_name(factory, counts, stage.task))
      .set("model", stage.model)
      .set_given("model-proc", stage.model_proc)
      .set_given("model-spec", stage.model_spec)
      .set_given("device", stage.device)
      .set_if(stage.task == ModelTask::kDetect && stage.threshold >= 0, "threshold", fmt::to_string(stage.threshold))
      .set_given("labels", stage.labels)
      .set_given("labels-file", stage.labels_file)
      .set_if(stage.inference_interval != 1, "inference-interval", fmt::to_string(stage.inference_interval))
      .set_given("inference-region", stage.inference_region)
      .set_given("object-class", stage.object_class)
      .set_if(stage.task == ModelTask::kClassify && stage.reclassify_interval != 1, "reclassify-interval",
              fmt::to_string(stage.reclassify_interval))
      .set_if(stage.batch_size != 0, "batch-size", fmt::to_string(stage.batch_size))
      .set_if(stage.nireq != 0, "nireq", fmt::to_string(stage.nireq))
      .set_given("model-instance-id", stage.model_instance_id)
      .set_given("ie-config", stage.ie_config);
  return element;
}

Chain stage_chain(const std::vector<StageConfig>& stages) {
  Chain chain;
  std::array<int, 4> counts{};
  for (const StageConfig& stage : stages) {
    if (const auto* model = std::get_if<ModelStage>(&stage)) {
      chain.add(model_element(*model, counts));
    } else if (const auto* track = std::get_if<TrackStage>(&stage)) {
      chain.add(Element("fvtrack")
                    .set("tracking-type", kTrackKinds[static_cast<std::size_t>(track->type)])
                    .set("high-confidence", fmt::format("{}", track->high_confidence))
                    .set("tracking-per-class", track->per_class ? "true" : "false"));
    } else {
      chain.add_text(std::get<GstStage>(stage).fragment);
    }
  }
  return chain;
}

/// What one chain of the pipeline's text is made from.
struct Context {
  const PipelineConfig& pipeline;
  const SourceConfig& source;
  const NodeConfig& node;
  std::string instance;
};

std::string source_text(const SourceConfig& source) {
  for (const std::string* text : {&source.uri, &source.file, &source.device}) {
    if (!text->empty()) {
      return without_credentials(*text);
    }
  }
  return "test:" + source.test;
}

Element convert_element(const PublishConfig& publish, const Context& context) {
  return Element("fvmetaconvert")
      .set("format", kFormatNames[static_cast<std::size_t>(publish.format)])
      .set("add-empty-results", publish.add_empty_results ? "true" : "false")
      .set_if(publish.add_tensor_data, "add-tensor-data", "true")
      .set("source", source_text(context.source))
      .set("node", context.node.node)
      .set("pipeline", context.instance);
}

Element publish_element(const PublishConfig& publish, const Context& context) {
  const auto file_format = kFileFormatNames[static_cast<std::size_t>(publish.file_format)];
  Element element("fvpublish");
  switch (publish.kind) {
    case PublishKind::kStdout:
      return element.set("method", "stdout").set("file-format", file_format);
    case PublishKind::kFile:
      return element.set("method", "file")
          .set("file-path", fill_in(publish.path, context.node, context.instance))
          .set("file-format", file_format);
    case PublishKind::kMqtt:
      break;
  }
  const MqttSettings settings = context.node.mqtt_settings();
  const MqttAddress address = parse_mqtt_address(settings.address);
  const bool tls = address.tls || settings.tls.enabled;
  // Client id and password stay out of the text: in the daemon the element joins the connection the daemon has made,
  // and elsewhere the text must neither show a secret nor throw the daemon out by its id.
  return element.set("method", "mqtt")
      .set("address", fmt::format("{}{}:{}", tls ? "mqtts://" : "", address.host, address.port))
      .set("topic", fill_in(publish.topic, context.node, context.instance))
      .set("qos", fmt::to_string(publish.qos))
      .set_if(publish.retain, "retain", "true")
      .set_given("username", settings.username)
      .set_given("password-file", settings.password_file)
      .set_given("ca-file", settings.tls.ca_file);
}

Chain encoder_chain(const std::string& path) {
  Chain chain;
  const auto ends = [&](std::string_view extension) { return path.ends_with(extension); };
  if (ends(".webm")) {
    chain.add(Element("vp8enc").set("deadline", "1").set("cpu-used", "8")).add(Element("webmmux"));
  } else if (ends(".avi")) {
    chain.add(Element("jpegenc")).add(Element("avimux"));
  } else {
    chain.add(Element("openh264enc").set("complexity", "low")).add(Element("h264parse"));
    chain.add(Element(ends(".mp4") ? "mp4mux" : "matroskamux"));
  }
  return chain;
}

/// \param sink  Name of the sink element.
Chain output_chain(const OutputConfig& output, const Context& context, const std::string& sink) {
  Chain chain;
  const std::string path = fill_in(output.path, context.node, context.instance);
  if (output.kind == OutputKind::kPicture) {  // First, so that nothing is drawn for pictures nobody sees.
    const auto interval = output.interval.count();
    chain.add(Element("videorate").set("drop-only", "true"))
        .add(Element("capsfilter").set("caps", fmt::format("video/x-raw,framerate=1000/{}", interval)));
  }
  if (output.overlay) {
    chain.add(Element("fvoverlay"));
  }
  chain.add(Element("videoconvert"));
  const std::string sync = context.source.sync ? "true" : "false";
  switch (output.kind) {
    case OutputKind::kFile:
      return chain.add(encoder_chain(path))
          .add(Element("filesink").set("name", sink).set("location", path).set("sync", sync).set("async", "false"));
    case OutputKind::kPicture:
      return chain.add(Element("jpegenc"))
          .add(
              Element("multifilesink").set("name", sink).set("location", path).set("sync", sync).set("async", "false"));
    case OutputKind::kDisplay:
      return chain.add(Element("autovideosink").set("name", sink).set("sync", sync));
  }
  fail(ErrorCode::kInternal, "unknown output");
}

/// Same conversion, so that one fvmetaconvert serves both: fvpublish sends every message a frame carries.
bool converts_alike(const PublishConfig& a, const PublishConfig& b) {
  return a.format == b.format && a.add_empty_results == b.add_empty_results && a.add_tensor_data == b.add_tensor_data;
}

/// One chain per conversion, each ended by a sink that only counts.
std::vector<Chain> publish_chains(const Context& context) {
  std::vector<PublishConfig> left;
  for (const PublishConfig& publish : context.pipeline.publish) {
    if (publish.kind != PublishKind::kMqtt || context.node.mqtt.enabled) {
      left.push_back(publish);
    }
  }
  std::vector<Chain> chains;
  while (!left.empty()) {
    const PublishConfig first = left.front();
    Chain chain;
    chain.add(convert_element(first, context));
    for (const PublishConfig& publish : left) {
      if (converts_alike(publish, first)) {
        chain.add(publish_element(publish, context));
      }
    }
    std::erase_if(left, [&](const PublishConfig& publish) { return converts_alike(publish, first); });
    chains.push_back(std::move(chain));
  }
  if (chains.empty()) {
    chains.emplace_back();  // Nothing to say, but the frames must go somewhere.
  }
  for (std::size_t i = 0; i < chains.size(); ++i) {
    chains[i].add(Element("fakesink")
                      .set("name", fmt::format("sink{}", i))
                      .set("sync", context.source.sync ? "true" : "false")
                      .set("async", "false"));
  }
  return chains;
}

}  // namespace

std::string quote_value(std::string_view value) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:";
  if (!value.empty() && value.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char character : value) {
    if (character == '"' || character == '\\') {
      quoted += '\\';
    }
    quoted += character;
  }
  return quoted + "\"";
}

std::string fill_in(std::string text, const NodeConfig& node, const std::string& instance) {
  const std::pair<std::string_view, std::string_view> values[] = {
      {"{base}", node.mqtt.base}, {"{node}", node.node}, {"{pipeline}", instance}};
  for (const auto& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

std::string intake_queue_description() {
  return Element("queue")
      .set("name", "intake")
      .set("leaky", "downstream")
      .set("max-size-buffers", "4")
      .set("max-size-bytes", "0")
      .set("max-size-time", "0")
      .text();
}

std::string stages_description(const PipelineConfig& pipeline) { return stage_chain(pipeline.stages).text(); }

std::string launch_description(const PipelineConfig& pipeline, const SourceConfig& source, const NodeConfig& node) {
  const Context context{pipeline, source, node, pipeline.instance_name(source)};
  std::vector<Chain> branches = publish_chains(context);
  for (const OutputConfig& output : pipeline.outputs) {
    branches.push_back(output_chain(output, context, fmt::format("sink{}", branches.size())));
  }
  Chain trunk;
  trunk.add(source_chain(source)).add(stage_chain(pipeline.stages));
  if (branches.size() == 1) {
    return trunk.add(branches.front()).text();
  }
  std::string text = trunk.add(Element("tee").set("name", "branches")).text();
  for (const Chain& branch : branches) {
    Chain queued;
    queued.add(Element("queue").set("max-size-buffers", "4").set("max-size-bytes", "0").set("max-size-time", "0"));
    text += " branches. ! " + queued.add(branch).text();
  }
  return text;
}

std::string shell_command(const std::string& description) {
  std::string command = "gst-launch-1.0 -e";
  std::string token;
  bool in_quotes = false;
  const auto flush = [&] {
    const bool plain = token.find_first_of("\"'\\$`;&|<>()*?[]#~ !{}") == std::string::npos;
    if (token == "!" || plain) {
      command += (token.empty() ? "" : " ") + token;
    } else {
      std::string escaped;
      for (const char character : token) {
        escaped += character == '\'' ? std::string("'\\''") : std::string(1, character);
      }
      command += " '" + escaped + "'";
    }
    token.clear();
  };
  for (std::size_t i = 0; i < description.size(); ++i) {
    const char character = description[i];
    if (character == '\\' && i + 1 < description.size()) {
      token += character;
      token += description[++i];
    } else if (character == ' ' && !in_quotes) {
      flush();
    } else {
      in_quotes = in_quotes != (character == '"');
      token += character;
    }
  }
  flush();
  return command;
}

}  // namespace fovea
