// Model descriptions from YAML, and how they join with a model's input.
#include "vision/model_spec.hpp"

#include <array>
#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "vision/yaml_reader.hpp"

namespace fovea {
namespace {

constexpr std::array<std::string_view, 6> kTasks = {"detect", "classify", "segment", "embed", "raw", ""};
constexpr std::array<std::string_view, 3> kChannels = {"bgr", "rgb", "gray"};
constexpr std::array<std::string_view, 4> kResizes = {"stretch", "letterbox", "letterbox-top-left", "central-crop"};
constexpr std::array<std::string_view, 2> kExtraKinds = {"sequence-index", "image-info"};
constexpr std::array<std::string_view, 6> kMethods = {"max", "softmax", "softmax_multi", "compound", "multi", "index"};

constexpr std::size_t kMaxLabels = 100'000;
constexpr std::size_t kMaxLabelBytes = 4096;

/// Mean, scale and pad values are grey levels or a small multiple; this only keeps infinities out.
constexpr double kLargestLevel = 1e6;

template <class Enum, std::size_t kCount>
void read_enum(YamlMap& map, std::string_view key, const std::array<std::string_view, kCount>& names, Enum& target) {
  if (const auto value = map.find(key)) {
    target = static_cast<Enum>(value->as_one_of(names));
  }
}

/// One value for all channels, or a list of one or three.
std::vector<float> read_levels(YamlMap& map, std::string_view key) {
  std::vector<float> levels;
  const auto value = map.find(key);
  if (!value) {
    return levels;
  }
  const bool list = value->kind() == YamlNode::Kind::kList;
  for (const YamlValue& item : list ? value->as_list() : std::vector<YamlValue>{*value}) {
    levels.push_back(static_cast<float>(item.as_number(-kLargestLevel, kLargestLevel)));
    if (key == "scale" && levels.back() == 0) {
      item.complain("scale divides: it must not be 0");
    }
  }
  if (levels.size() != 1 && levels.size() != 3) {
    value->complain(fmt::format("expected 1 or 3 values, found {}", levels.size()));
  }
  return levels;
}

void read_label_keys(YamlMap& map, const std::filesystem::path& directory, std::vector<std::string>& labels) {
  map.read("labels", labels);
  if (const auto file = map.find("labels-file")) {
    if (map.find("labels")) {
      file->complain("labels and labels-file exclude each other");
    }
    labels = read_labels(directory / file->as_text());
  }
}

void read_input(YamlMap map, InputSpec& input) {
  map.read("name", input.input);
  read_enum(map, "channels", kChannels, input.channels);
  read_enum(map, "resize", kResizes, input.resize);
  if (map.find("mean")) {
    input.mean = read_levels(map, "mean");
  }
  if (map.find("scale")) {
    input.scale = read_levels(map, "scale");
  }
  map.read("pad-value", input.pad_value, 0, 255);
  map.finish();
}

OutputSpec read_output(YamlMap map, const std::filesystem::path& directory) {
  OutputSpec output;
  map.read("output", output.output);
  output.decoder = map.require("decoder").as_text();
  map.read("attribute", output.attribute);
  read_label_keys(map, directory, output.labels);
  if (const auto method = map.find("method")) {
    output.method = kMethods[method->as_one_of(kMethods)];
  }
  map.read("threshold", output.threshold, 0, 1);
  map.read("text-scale", output.text_scale, -kLargestLevel, kLargestLevel);
  map.read("text-precision", output.text_precision, 0, 9);
  map.read("point-names", output.point_names);
  map.finish();
  return output;
}

ExtraInput read_extra_input(YamlMap map) {
  ExtraInput extra;
  extra.input = map.require("name").as_text();
  extra.kind = static_cast<ExtraInputKind>(map.require("kind").as_one_of(kExtraKinds));
  map.finish();
  return extra;
}

/// Notes the file as the origin of every key the map has.
void note_origins(YamlMap& map, std::span<const std::string_view> keys, std::string_view prefix,
                  const std::string& origin, SpecOrigins& origins) {
  for (const std::string_view key : keys) {
    if (map.find(key)) {
      origins[fmt::format("{}{}", prefix, key == "labels-file" ? "labels" : key)] = origin;
    }
  }
}

}  // namespace

ModelSpec read_model_spec(const std::filesystem::path& yaml, ModelSpec base) {
  static constexpr std::array<std::string_view, 7> kKeys = {"task",      "extra-inputs",  "outputs",    "labels",
                                                            "threshold", "iou-threshold", "labels-file"};
  static constexpr std::array<std::string_view, 6> kInputKeys = {"name", "channels", "resize",
                                                                 "mean", "scale",    "pad-value"};
  const YamlDocument document = YamlDocument::read(yaml);
  const std::string origin = yaml.filename().string();
  YamlMap map = document.root().as_map("a model description");
  ModelSpec spec = std::move(base);
  (void)map.require("version").as_integer(1, 1);
  if (spec.name.empty()) {
    spec.name = yaml.stem().string();
  }
  map.read("name", spec.name);
  if (const auto model = map.find("model")) {
    spec.model = model->as_text();
  }
  if (const auto task = map.find("task")) {
    spec.task = kTasks[task->as_one_of(std::span(kTasks).first(kTasks.size() - 1))];
  }
  if (const auto input = map.find("input")) {
    YamlMap input_map = input->as_map("'input'");
    note_origins(input_map, kInputKeys, "input.", origin, spec.origins);
    read_input(std::move(input_map), spec.input);
  }
  if (const auto extras = map.find("extra-inputs")) {
    spec.extra_inputs.clear();
    for (const YamlValue& extra : extras->as_list()) {
      spec.extra_inputs.push_back(read_extra_input(extra.as_map("an extra input")));
    }
  }
  if (const auto outputs = map.find("outputs")) {
    spec.outputs.clear();
    for (const YamlValue& output : outputs->as_list()) {
      spec.outputs.push_back(read_output(output.as_map("an output"), yaml.parent_path()));
    }
  }
  read_label_keys(map, yaml.parent_path(), spec.labels);
  if (const auto threshold = map.find("threshold")) {
    spec.threshold = static_cast<float>(threshold->as_number(0, 1));
  }
  map.read("iou-threshold", spec.iou_threshold, 0, 1);
  map.read("use-metadata", spec.use_metadata);
  note_origins(map, kKeys, "", origin, spec.origins);
  map.finish();
  return spec;
}

std::vector<std::string> read_labels(const std::filesystem::path& file) {
  constexpr std::size_t kMaxBytes = std::size_t{16} << 20U;  // Far above 100,000 labels of usual length.
  const std::string text = read_text_file(file, kMaxBytes);
  std::vector<std::string> labels;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view label = trim(std::string_view(text).substr(start, end - start));
    if (labels.size() == kMaxLabels || label.size() > kMaxLabelBytes) {
      fail(ErrorCode::kInvalidConfig, "{}:{}:1: expected at most {} labels of {} bytes", file.string(),
           labels.size() + 1, kMaxLabels, kMaxLabelBytes);
    }
    labels.emplace_back(label);
    start = end + 1;
  }
  while (!labels.empty() && labels.back().empty()) {
    labels.pop_back();
  }
  return labels;
}

PreProcessSpec resolve_preprocess(const ModelSpec& spec, const TensorType& input, TensorLayout layout) {
  const Shape& shape = input.shape;
  const bool nchw = layout == TensorLayout::kNchw;
  const std::int64_t channels = shape.size() == 4 ? shape[nchw ? 1 : 3] : 0;
  if (!is_static(shape) || shape.size() != 4 || shape[0] < 1 || (channels != 1 && channels != 3) ||
      (input.data_type != DataType::kF32 && input.data_type != DataType::kU8)) {
    fail(ErrorCode::kUnsupported, "model '{}': input {} is no picture; expected f32 or u8 {} with 1 or 3 channels",
         spec.name, to_string(input), nchw ? "[N,C,H,W]" : "[N,H,W,C]");
  }
  constexpr std::int64_t kMaxSidePx = 16384;
  const std::int64_t height = shape[nchw ? 2 : 1];
  const std::int64_t width = shape[nchw ? 3 : 2];
  if (width < 1 || height < 1 || width > kMaxSidePx || height > kMaxSidePx) {
    fail(ErrorCode::kUnsupported, "model '{}': input {} has a side outside 1 to {}", spec.name, to_string(input),
         kMaxSidePx);
  }
  if (channels == 3 && spec.input.channels == ChannelOrder::kGray) {
    fail(ErrorCode::kInvalidConfig, "model '{}': channels is gray, but the input {} has 3 channels", spec.name,
         to_string(input));
  }
  PreProcessSpec result{.width_px = static_cast<int>(width),
                        .height_px = static_cast<int>(height),
                        .data_type = input.data_type,
                        .layout = layout,
                        .channels = channels == 1 ? ChannelOrder::kGray : spec.input.channels,
                        .resize = spec.input.resize,
                        .pad_value = spec.input.pad_value};
  const auto spread = [&](std::string_view key, const std::vector<float>& values, std::array<float, 3>& target) {
    if (values.empty()) {
      return;
    }
    if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != channels) {
      fail(ErrorCode::kInvalidConfig, "model '{}': {} has {} values, but the input {} has {} channels", spec.name, key,
           values.size(), to_string(input), channels);
    }
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      target[c] = values[values.size() == 1 ? 0 : c];
    }
  };
  spread("mean", spec.input.mean, result.mean);
  spread("scale", spec.input.scale, result.scale);
  return result;
}

void fill_extra_input(const ExtraInput& extra, const PreProcessSpec& picture, const TensorView& input) {
  const std::size_t least = extra.kind == ExtraInputKind::kImageInfo ? 3 : 1;
  if (input.type.data_type != DataType::kF32 || element_count(input.shape()) < least) {
    fail(ErrorCode::kInvalidConfig, "extra input '{}' is {}, expected f32 with at least {} values", extra.input,
         to_string(input.type), least);
  }
  const std::span<float> values = input.data<float>();
  std::ranges::fill(values, 1.0F);
  if (extra.kind == ExtraInputKind::kSequenceIndex) {
    values[0] = 0;
  } else {
    values[0] = static_cast<float>(picture.height_px);
    values[1] = static_cast<float>(picture.width_px);
  }
}

}  // namespace fovea
