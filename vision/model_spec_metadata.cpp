// model_info and Ultralytics' metadata to ModelSpec.
#include "vision/model_spec_metadata.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "vision/model_spec_python.hpp"
#include "vision/yaml_reader.hpp"

namespace fovea {
namespace {

constexpr std::string_view kModelInfo = "model_info/";
constexpr std::string_view kFramework = "framework/";
/// Begins the origins of fields that Ultralytics' keys set.
constexpr std::string_view kMetadata = "metadata";

/// Levels are grey levels or a small multiple; this only keeps infinities out.
constexpr double kLargestLevel = 1e6;

using Texts = std::map<std::string, std::string, std::less<>>;

/// One group of keys with checks; remembers where values came from.
class Keys {
 public:
  /// \param shown  Stands before a key in messages and origins: "model_info/", "metadata ".
  Keys(std::string file, std::string_view shown, Texts texts)
      : file_(std::move(file)), shown_(shown), texts_(std::move(texts)) {}

  [[nodiscard]] bool empty() const { return texts_.empty(); }
  [[nodiscard]] std::string origin(std::string_view key) const { return fmt::format("{}{}", shown_, key); }

  [[noreturn]] void complain(std::string_view key, std::string_view expected) const {
    constexpr std::size_t kMostShown = 80;
    const std::string value = text(key).value_or("");
    fail(ErrorCode::kInvalidConfig, "model '{}': {} is '{}{}', expected {}", file_, origin(key),
         value.substr(0, kMostShown), value.size() > kMostShown ? "…" : "", expected);
  }

  /// Exporters write what is not set as an empty text or "None".
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const {
    const auto found = texts_.find(key);
    if (found == texts_.end() || found->second.empty() || found->second == "None") {
      return std::nullopt;
    }
    return found->second;
  }

  [[nodiscard]] std::optional<float> number(std::string_view key, double least, double most) const {
    const auto value = text(key);
    if (!value) {
      return std::nullopt;
    }
    const auto parsed = parse_double(trim(*value));
    if (!parsed || !(*parsed >= least && *parsed <= most)) {
      complain(key, fmt::format("a number from {} to {}", least, most));
    }
    return static_cast<float>(*parsed);
  }

  [[nodiscard]] std::optional<bool> flag(std::string_view key) const {
    const auto value = text(key);
    if (!value) {
      return std::nullopt;
    }
    const auto parsed = parse_bool(trim(*value));
    if (!parsed) {
      complain(key, "True or False");
    }
    return parsed;
  }

  /// One value for all channels, or three: "255", "123.7 116.3 103.5", "[123.7, 116.3, 103.5]".
  [[nodiscard]] std::optional<std::vector<float>> levels(std::string_view key, bool divides) const {
    auto value = text(key);
    if (!value) {
      return std::nullopt;
    }
    std::ranges::replace_if(
        *value, [](char c) { return c == ',' || c == '[' || c == ']' || c == '(' || c == ')'; }, ' ');
    std::vector<float> levels;
    for (const std::string& part : split(*value, ' ')) {
      const auto parsed = part.empty() ? std::nullopt : parse_double(part);
      if (part.empty()) {
        continue;
      }
      constexpr std::size_t kMostChannels = 3;
      const bool usable = parsed && std::abs(*parsed) <= kLargestLevel && (*parsed != 0 || !divides);
      if (!usable || levels.size() == kMostChannels) {
        levels.clear();
        break;
      }
      levels.push_back(static_cast<float>(*parsed));
    }
    if (levels.size() != 1 && levels.size() != 3) {
      complain(key, divides ? "1 or 3 numbers other than 0" : "1 or 3 numbers");
    }
    return levels;
  }

 private:
  std::string file_;
  std::string shown_;
  Texts texts_;
};

Keys keys_below(const Model& model, std::string_view prefix, std::string_view shown) {
  Texts texts;
  for (auto entry = model.metadata.lower_bound(std::string(prefix));
       entry != model.metadata.end() && entry->first.starts_with(prefix); ++entry) {
    texts.emplace(entry->first.substr(prefix.size()), entry->second);
  }
  return {model.path.empty() ? model.name : model.path.filename().string(), shown, std::move(texts)};
}

/// Types of the model's outputs that a decoder might read.
std::vector<Shape> output_shapes(const Model& model) {
  std::vector<Shape> shapes;
  for (const GraphPort& port : model.graph.outputs) {
    shapes.push_back(model.graph.value(port.value).type.shape);
  }
  return shapes;
}

/// Which form of YOLO's answer the outputs have. `classes` 0: not known.
std::string yolo_decoder(const Model& model, std::size_t classes) {
  constexpr std::int64_t kBox = 4;
  // Corners, confidence and class of what is left after suppression inside the network.
  constexpr std::int64_t kFinalRows = 300;
  constexpr std::int64_t kFinalRow = 6;
  const auto count = static_cast<std::int64_t>(classes);
  for (const Shape& shape : output_shapes(model)) {
    if (shape.size() != 3) {
      continue;
    }
    if (shape[1] == kFinalRows && shape[2] == kFinalRow) {
      return "yolo_v10";
    }
    if (classes > 0 && shape[1] == kBox + count) {
      return "yolo_v8";
    }
    if (classes > 0 && shape[2] == kBox + 1 + count && shape[1] > shape[2]) {
      return "yolo_v5";
    }
  }
  return "yolo_v8";
}

void set_decoder(ModelSpec& spec, std::string decoder, const std::string& origin) {
  OutputSpec output;
  output.decoder = std::move(decoder);
  spec.outputs = {std::move(output)};
  spec.origins["outputs"] = origin;
}

/// What a `model_type` means: those of OpenVINO's Model API, in any case, and the names of our decoders. An empty
/// decoder is chosen by the outputs' shapes.
struct ModelType {
  std::string_view type;
  std::string_view task;
  std::string_view decoder;
};
constexpr std::string_view kYolo = "yolo";  // the form is told from the outputs
constexpr std::array kModelTypes = {
    ModelType{"ssd", "detect", ""},
    ModelType{"yolo", "detect", kYolo},
    ModelType{"yolov5", "detect", kYolo},
    ModelType{"yolov8", "detect", kYolo},
    ModelType{"yolov11", "detect", kYolo},
    ModelType{"yolo11", "detect", kYolo},
    ModelType{"yolo_v8", "detect", kYolo},
    ModelType{"yolo_v11", "detect", kYolo},
    ModelType{"yolov8-seg", "detect", "yolo_v8_seg"},
    ModelType{"yolov8-obb", "detect", "yolo_v8_obb"},
    ModelType{"yolov8-pose", "detect", "yolo_v8_pose"},
    ModelType{"yolox", "detect", "yolo_x"},
    ModelType{"maskrcnn", "detect", "mask_rcnn"},
    ModelType{"classification", "classify", "label"},
    ModelType{"segmentation", "segment", "segmentation"},
};

/// The field was set by Ultralytics' metadata.
bool from_export(const ModelSpec& spec, std::string_view field) {
  const auto origin = spec.origins.find(field);
  return origin != spec.origins.end() && origin->second.starts_with(kMetadata);
}

void read_model_type(const Keys& keys, const Model& model, ModelSpec& spec) {
  constexpr std::string_view kKey = "model_type";
  const auto type = keys.text(kKey);
  if (!type) {
    return;
  }
  const std::string origin = keys.origin(kKey);
  const auto known = std::ranges::find(kModelTypes, std::string_view(to_lower(*type)), &ModelType::type);
  if (known == kModelTypes.end()) {
    // One of our decoders, or one we do not have: making the decoder then says so, unless a description names another.
    set_decoder(spec, *type, origin);
    return;
  }
  if (known->decoder == kYolo && from_export(spec, "outputs")) {
    return;  // the export's own metadata know the task too
  }
  spec.task = known->task;
  spec.origins["task"] = origin;
  if (known->decoder.empty()) {
    spec.outputs.clear();
    spec.origins.erase("outputs");
  } else {
    set_decoder(spec, known->decoder == kYolo ? yolo_decoder(model, spec.labels.size()) : std::string(known->decoder),
                origin);
  }
}

void read_task_type(const Keys& keys, ModelSpec& spec) {
  constexpr std::array<std::array<std::string_view, 2>, 5> kTasks = {{{"detection", "detect"},
                                                                      {"instance_segmentation", "detect"},
                                                                      {"classification", "classify"},
                                                                      {"segmentation", "segment"},
                                                                      {"semantic_segmentation", "segment"}}};
  const auto type = keys.text("task_type");
  for (const auto& [name, task] : kTasks) {
    if (type && to_lower(*type) == name && spec.task.empty()) {
      spec.task = task;
      spec.origins["task"] = keys.origin("task_type");
    }
  }
}

/// How a classifier's scores are read.
void read_classification(const Keys& keys, ModelSpec& spec) {
  if (spec.outputs.size() != 1 || spec.outputs[0].decoder != "label") {
    return;
  }
  OutputSpec& output = spec.outputs[0];
  if (keys.flag("output_raw_scores").value_or(false)) {
    output.method = "softmax";
  }
  if (keys.flag("multilabel").value_or(false)) {
    output.method = "multi";
  }
  output.threshold = keys.number("confidence_threshold", 0, 1).value_or(output.threshold);
}

void read_resize_type(const Keys& keys, ModelSpec& spec) {
  // The Model API keeps the picture at the top left with fit_to_window, and centres it with ..._letterbox.
  constexpr std::array<std::string_view, 4> kNames = {"standard", "fit_to_window_letterbox", "fit_to_window", "crop"};
  const auto type = keys.text("resize_type");
  if (!type) {
    return;
  }
  const auto name = std::ranges::find(kNames, std::string_view(*type));
  if (name == kNames.end()) {
    keys.complain("resize_type", fmt::format("one of {}{}", fmt::join(kNames, ", "), did_you_mean(*type, kNames)));
  }
  spec.input.resize = static_cast<ResizeMode>(name - kNames.begin());
  spec.origins["input.resize"] = keys.origin("resize_type");
}

void read_colours(const Keys& keys, ModelSpec& spec) {
  constexpr std::array<std::string_view, 3> kNames = {"BGR", "RGB", "GRAYSCALE"};
  if (const auto space = keys.text("color_space")) {
    const auto name = std::ranges::find(kNames, std::string_view(*space));
    if (name == kNames.end()) {
      keys.complain("color_space", fmt::format("one of {}", fmt::join(kNames, ", ")));
    }
    spec.input.channels = static_cast<ChannelOrder>(name - kNames.begin());
    spec.origins["input.channels"] = keys.origin("color_space");
  }
  if (const auto reverse = keys.flag("reverse_input_channels")) {
    spec.input.channels = *reverse ? ChannelOrder::kRgb : ChannelOrder::kBgr;
    spec.origins["input.channels"] = keys.origin("reverse_input_channels");
  }
}

void read_levels(const Keys& keys, ModelSpec& spec) {
  const auto take = [&](std::string_view key, std::string_view field, bool divides, std::vector<float>& target) {
    if (auto levels = keys.levels(key, divides)) {
      target = std::move(*levels);
      spec.origins[std::string(field)] = keys.origin(key);
    }
  };
  take("mean_values", "input.mean", false, spec.input.mean);
  take("scale", "input.scale", true, spec.input.scale);
  take("scale_values", "input.scale", true, spec.input.scale);
}

/// What prepares the picture was built into the graph when the file was saved.
void forget_preprocessing(const Keys& keys, ModelSpec& spec) {
  const std::string name = spec.input.input;
  spec.input = {};
  spec.input.input = name;
  for (const std::string_view field : {"channels", "resize", "mean", "scale", "pad-value"}) {
    spec.origins[fmt::format("input.{}", field)] = keys.origin("embedded_processing");
  }
}

/// Written with blanks between them; blanks inside a label were replaced by the writer, so an export's own names win.
void read_labels(const Keys& keys, ModelSpec& spec) {
  std::vector<std::string> labels;
  for (std::string& label : split(keys.text("labels").value_or(""), ' ')) {
    if (!label.empty()) {
      labels.push_back(std::move(label));
    }
  }
  if (!labels.empty() && !(from_export(spec, "labels") && spec.labels.size() == labels.size())) {
    spec.labels = std::move(labels);
    spec.origins["labels"] = keys.origin("labels");
  }
}

ModelSpec apply_model_info(const Keys& keys, const Model& model, ModelSpec spec) {
  read_labels(keys, spec);
  read_model_type(keys, model, spec);
  read_task_type(keys, spec);
  read_classification(keys, spec);
  if (const auto threshold = keys.number("confidence_threshold", 0, 1)) {
    spec.threshold = *threshold;
    spec.origins["threshold"] = keys.origin("confidence_threshold");
  }
  if (const auto iou = keys.number("iou_threshold", 0, 1)) {
    spec.iou_threshold = *iou;
    spec.origins["iou-threshold"] = keys.origin("iou_threshold");
  }
  if (keys.flag("embedded_processing").value_or(false)) {
    forget_preprocessing(keys, spec);
    return spec;
  }
  read_resize_type(keys, spec);
  read_colours(keys, spec);
  read_levels(keys, spec);
  if (const auto pad = keys.number("pad_value", 0, 255)) {
    spec.input.pad_value = *pad;
    spec.origins["input.pad-value"] = keys.origin("pad_value");
  }
  return spec;
}

void read_ultralytics_task(const Keys& keys, const Model& model, ModelSpec& spec) {
  constexpr std::array<std::string_view, 5> kTasks = {"detect", "segment", "classify", "pose", "obb"};
  const std::string task = keys.text("task").value_or("detect");  // YOLOv5 writes none
  const std::string origin = keys.origin(keys.text("task") ? "task" : "names");
  if (std::ranges::find(kTasks, std::string_view(task)) == kTasks.end()) {
    keys.complain("task", fmt::format("one of {}{}", fmt::join(kTasks, ", "), did_you_mean(task, kTasks)));
  }
  const bool classify = task == "classify";
  spec.task = classify ? "classify" : "detect";
  if (classify) {
    set_decoder(spec, "label", origin);
  } else if (task == "detect") {
    set_decoder(spec, yolo_decoder(model, spec.labels.size()), origin);
  } else {
    set_decoder(spec, fmt::format("yolo_v8_{}", task == "segment" ? "seg" : task), origin);
  }
  // The same for all its exports: RGB of 0…1, borders of the grey that training used.
  constexpr float kGrey = 114;
  constexpr float kWhite = 255;
  spec.input.channels = ChannelOrder::kRgb;
  spec.input.scale = {kWhite};
  spec.input.mean.clear();
  spec.input.resize = classify ? ResizeMode::kCentralCrop : ResizeMode::kLetterbox;
  spec.input.pad_value = kGrey;
  spec.origins["task"] = origin;
  for (const std::string_view field : {"channels", "scale", "mean", "resize", "pad-value"}) {
    spec.origins[fmt::format("input.{}", field)] = fmt::format("{} (as all Ultralytics models)", origin);
  }
}

/// Ultralytics' own files have names and stride, whatever their task.
bool is_ultralytics(const Keys& keys) { return keys.text("names") && keys.text("stride"); }

ModelSpec apply_ultralytics(const Keys& keys, const Model& model, ModelSpec spec) {
  if (!is_ultralytics(keys)) {
    return spec;
  }
  try {
    spec.labels = parse_python_labels(*keys.text("names"));
  } catch (const Error& error) {
    keys.complain("names", error.what());
  }
  spec.origins["labels"] = keys.origin("names");
  read_ultralytics_task(keys, model, spec);
  return spec;
}

}  // namespace

ModelSpec apply_model_metadata(const Model& model, ModelSpec base) {
  ModelSpec spec = apply_ultralytics(keys_below(model, kFramework, "metadata "), model, std::move(base));
  const Keys info = keys_below(model, kModelInfo, kModelInfo);
  return info.empty() ? spec : apply_model_info(info, model, std::move(spec));
}

ModelSpec apply_export_metadata(const std::filesystem::path& yaml, const Model& model, ModelSpec base) {
  const YamlDocument document = YamlDocument::read(yaml);
  YamlMap map = document.root().as_map("an export's metadata");
  Texts texts;
  for (const std::string_view key : {"names", "stride", "task"}) {
    if (const auto value = map.find(key)) {
      texts.emplace(std::string(key), key == "names" ? to_python(*value) : value->as_text());
    }
  }
  return apply_ultralytics(Keys(yaml.string(), "metadata.yaml ", std::move(texts)), model, std::move(base));
}

}  // namespace fovea
