// DL Streamer's model-proc JSON to ModelSpec.
#include "vision/model_proc.hpp"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/base/text.hpp"
#include "vision/yaml_reader.hpp"

namespace fovea {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

/// An object of the file with its place for messages, and the keys that were asked for.
class Section {
 public:
  Section(const json& value, std::string file, std::string place)
      : value_(value), file_(std::move(file)), place_(std::move(place)) {
    if (!value_.is_object()) {
      complain("", "expected an object");
    }
  }

  [[noreturn]] void complain(std::string_view key, std::string_view message) const {
    fail(ErrorCode::kInvalidConfig, "{}: {}{}{}: {}", file_, place_, place_.empty() || key.empty() ? "" : ".", key,
         message);
  }

  const json* find(const std::string& key) {
    asked_.insert(key);
    const auto found = value_.find(key);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }

  std::optional<std::string> text(const std::string& key) {
    const json* value = find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_string()) {
      complain(key, "expected a text");
    }
    return value->get<std::string>();
  }

  std::optional<double> number(const std::string& key, double least, double most) {
    const json* value = find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most)) {
      complain(key, fmt::format("expected a number from {} to {}", least, most));
    }
    return value->get<double>();
  }

  std::vector<double> numbers(const std::string& key) {
    std::vector<double> result;
    if (const json* value = find(key)) {
      for (const json& item : *value) {
        if (!value->is_array() || !item.is_number() || !std::isfinite(item.get<double>())) {
          complain(key, "expected a list of numbers");
        }
        result.push_back(item.get<double>());
      }
    }
    return result;
  }

  std::vector<std::string> texts(const std::string& key) {
    std::vector<std::string> result;
    if (const json* value = find(key)) {
      for (const json& item : *value) {
        if (!value->is_array() || !item.is_string()) {
          complain(key, "expected a list of texts");
        }
        result.push_back(item.get<std::string>());
      }
    }
    return result;
  }

  /// The objects of a list.
  std::vector<Section> sections(const std::string& key) {
    std::vector<Section> result;
    if (const json* value = find(key)) {
      if (!value->is_array()) {
        complain(key, "expected a list");
      }
      for (std::size_t i = 0; i < value->size(); ++i) {
        result.emplace_back((*value)[i], file_, fmt::format("{}[{}]", key, i));
      }
    }
    return result;
  }

  Section section(const std::string& key) {
    static const json kEmpty = json::object();
    const json* value = find(key);
    return {value == nullptr ? kEmpty : *value, file_, place_ + "." + key};
  }

  /// Keys nobody asked for change nothing, which their author should know.
  void mention_unread() const {
    for (const auto& [key, value] : value_.items()) {
      if (!asked_.contains(key)) {
        FOVEA_LOG(kWarning, "vision", "{}: {}{}{} is not used", file_, place_, place_.empty() ? "" : ".", key);
      }
    }
  }

  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  const json& value_;
  std::string file_;
  std::string place_;
  std::set<std::string> asked_;
};

/// `labels` is a list or the path of a file beside this one.
std::vector<std::string> labels_of(Section& section) {
  const json* labels = section.find("labels");
  if (labels != nullptr && labels->is_string()) {
    return read_labels(std::filesystem::path(section.file()).parent_path() / labels->get<std::string>());
  }
  return section.texts("labels");
}

/// (pixel·(high − low)/255 + low − mean)/std as (pixel − mean')/scale'.
void read_levels(Section& params, ModelSpec& spec, const std::string& origin) {
  InputSpec& input = spec.input;
  const std::vector<double> range = params.numbers("range");
  std::vector<double> mean = params.numbers("mean");
  std::vector<double> deviation = params.numbers("std");
  if (range.empty() && mean.empty() && deviation.empty()) {
    return;
  }
  spec.origins["input.mean"] = origin;
  spec.origins["input.scale"] = origin;
  if (!range.empty() && (range.size() != 2 || !(range[1] > range[0]))) {
    params.complain("range", "expected two ascending numbers");
  }
  const auto check = [&](std::string_view key, std::vector<double>& values, double absent) {
    if (values.empty()) {
      values.assign(1, absent);
    }
    if (values.size() != 1 && values.size() != 3) {
      params.complain(key, "expected 1 or 3 numbers");
    }
  };
  check("mean", mean, 0);
  check("std", deviation, 1);
  const double low = range.empty() ? 0 : range[0];
  const double unit = range.empty() ? 1 : (range[1] - range[0]) / 255;
  const std::size_t count = std::max(mean.size(), deviation.size());
  input.mean.clear();
  input.scale.clear();
  for (std::size_t c = 0; c < count; ++c) {
    const double divisor = deviation[deviation.size() == 1 ? 0 : c];
    if (!(std::abs(divisor) > 0)) {
      params.complain("std", "must not be 0");
    }
    input.mean.push_back(static_cast<float>((mean[mean.size() == 1 ? 0 : c] - low) / unit));
    input.scale.push_back(static_cast<float>(divisor / unit));
  }
}

void read_resize(Section& params, ModelSpec& spec, const std::string& origin) {
  InputSpec& input = spec.input;
  const std::string resize = params.text("resize").value_or("");
  const std::string crop = params.text("crop").value_or("");
  if (!resize.empty() && resize != "no" && resize != "no-aspect-ratio" && resize != "aspect-ratio") {
    params.complain("resize", "expected no, no-aspect-ratio or aspect-ratio");
  }
  if (!crop.empty() && crop != "central") {
    fail(ErrorCode::kUnsupported, "{}: crop '{}' is not supported, only central", params.file(), crop);
  }
  if (crop == "central") {
    input.resize = ResizeMode::kCentralCrop;
  } else if (!resize.empty()) {
    input.resize = resize == "aspect-ratio" ? ResizeMode::kLetterbox : ResizeMode::kStretch;
  }
  if (!crop.empty() || !resize.empty()) {
    spec.origins["input.resize"] = origin;
  }
}

void read_image_input(Section& entry, ModelSpec& spec, const std::string& origin) {
  InputSpec& input = spec.input;
  if (const auto name = entry.text("layer_name")) {
    input.input = *name;
    spec.origins["input.name"] = origin;
  }
  (void)entry.find("precision");  // The model's own type decides.
  Section params = entry.section("params");
  read_resize(params, spec, origin);
  if (const auto colour = params.text("color_space")) {
    constexpr std::array<std::string_view, 3> kNames = {"BGR", "RGB", "GRAYSCALE"};
    const auto match = std::ranges::find(kNames, std::string_view(*colour));
    if (match == kNames.end()) {
      params.complain("color_space", "expected BGR, RGB or GRAYSCALE" + did_you_mean(*colour, kNames));
    }
    input.channels = static_cast<ChannelOrder>(match - kNames.begin());
    spec.origins["input.channels"] = origin;
  }
  read_levels(params, spec, origin);
  params.mention_unread();
}

OutputSpec read_output(Section& entry, ModelSpec& spec, const std::string& origin) {
  OutputSpec output;
  output.decoder = entry.text("converter").value_or("");
  output.output = entry.text("layer_name").value_or("");
  const std::vector<std::string> names = entry.texts("layer_names");
  if (output.output.empty() && !names.empty()) {
    output.output = names[0];
  }
  output.attribute = entry.text("attribute_name").value_or("");
  output.labels = labels_of(entry);
  output.method = entry.text("method").value_or(output.method);
  output.threshold = static_cast<float>(
      entry.number("confidence_threshold", 0, 1).value_or(entry.number("threshold", 0, 1).value_or(output.threshold)));
  constexpr double kLargestScale = 1e6;
  output.text_scale =
      static_cast<float>(entry.number("text_scale", -kLargestScale, kLargestScale).value_or(output.text_scale));
  output.text_precision = static_cast<int>(entry.number("text_precision", 0, 9).value_or(output.text_precision));
  output.point_names = entry.texts("point_names");
  if (const auto iou = entry.number("iou_threshold", 0, 1)) {
    spec.iou_threshold = static_cast<float>(*iou);
    spec.origins["iou-threshold"] = origin;
  }
  entry.mention_unread();
  return output;
}

}  // namespace

ModelSpec read_model_proc(const std::filesystem::path& path, ModelSpec base) {
  const std::string text = read_text_file(path, kMaxBytes);
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& error) {
    fail(ErrorCode::kInvalidConfig, "{}: {}", path.string(), error.what());
  }
  Section root(document, path.string(), "");
  const std::string origin = path.filename().string();
  (void)root.find("json_schema_version");
  std::vector<ExtraInput> extras;
  for (Section& entry : root.sections("input_preproc")) {
    const std::string format = entry.text("format").value_or("image");
    if (format == "image") {
      read_image_input(entry, base, origin);
    } else if (format == "image_info" || format == "sequence_index") {
      extras.push_back({entry.text("layer_name").value_or(""),
                        format == "image_info" ? ExtraInputKind::kImageInfo : ExtraInputKind::kSequenceIndex});
      (void)entry.find("params");
      (void)entry.find("precision");
    } else {
      entry.complain("format", "expected image, image_info or sequence_index, found '" + format + "'");
    }
    entry.mention_unread();
  }
  std::vector<OutputSpec> outputs;
  for (Section& entry : root.sections("output_postproc")) {
    outputs.push_back(read_output(entry, base, origin));
  }
  if (!extras.empty()) {
    base.extra_inputs = std::move(extras);
    base.origins["extra-inputs"] = origin;
  }
  if (!outputs.empty()) {
    base.outputs = std::move(outputs);
    base.origins["outputs"] = origin;
  }
  root.mention_unread();
  return base;
}

}  // namespace fovea
