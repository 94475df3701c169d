// Open Model Zoo's model.yml to ModelSpec.
// https://github.com/openvinotoolkit/open_model_zoo/blob/master/CONTRIBUTING.md
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "vision/model_spec_metadata.hpp"
#include "vision/yaml_reader.hpp"

namespace fovea {
namespace {

/// Levels are grey levels or a small multiple; this only keeps infinities out.
constexpr double kLargestLevel = 1e6;

/// An argument of the conversion: "--mean_values=data[1,2,3]" or "--reverse_input_channels".
struct Argument {
  std::string name;  ///< "mean_values".
  std::string value;
  YamlValue place;
};

std::vector<Argument> read_arguments(YamlMap& map) {
  std::vector<Argument> arguments;
  const auto list = map.find("model_optimizer_args");
  if (!list) {
    return arguments;
  }
  for (const YamlValue& item : list->as_list()) {
    std::string text = item.as_text();
    const auto equals = text.find('=');
    std::string name = text.substr(0, equals);
    name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
    std::ranges::replace(name, '-', '_');
    arguments.push_back({std::move(name), equals == std::string::npos ? "" : text.substr(equals + 1), item});
  }
  return arguments;
}

/// "data[1,2,3]", "[255]", "255": one value or three.
std::vector<float> read_levels(const Argument& argument) {
  std::string_view text = argument.value;
  if (const auto bracket = text.find('['); bracket != std::string_view::npos) {
    text = text.substr(bracket + 1, text.find(']', bracket) - bracket - 1);
  }
  std::vector<float> levels;
  for (const std::string& part : split(text, ',')) {
    const auto value = parse_double(part);
    if (!value || !(std::abs(*value) <= kLargestLevel) || (argument.name != "mean_values" && *value == 0)) {
      levels.clear();
      break;
    }
    levels.push_back(static_cast<float>(*value));
  }
  if (levels.size() != 1 && levels.size() != 3) {
    argument.place.complain(fmt::format("--{}: expected 1 or 3 numbers{}, as in data[1,2,3]", argument.name,
                                        argument.name == "mean_values" ? "" : " other than 0"));
  }
  return levels;
}

/// The IR's own record says that its conversion did this, so the graph does it.
bool is_inside(const Model& model, const std::string& argument) {
  for (const std::string_view record : {"conversion_parameters/", "cli_parameters/"}) {
    const auto found = model.metadata.find(std::string(record) + argument);
    if (found != model.metadata.end() && !found->second.empty() && found->second != "()" && found->second != "None" &&
        found->second != "False") {
      return true;
    }
  }
  return false;
}

void apply_argument(const Argument& argument, const Model& model, ModelSpec& spec) {
  const bool mean = argument.name == "mean_values";
  const bool scale = argument.name == "scale_values" || argument.name == "scale";
  const bool reverse = argument.name == "reverse_input_channels";
  if (!mean && !scale && !reverse) {
    return;
  }
  const std::string field = mean ? "input.mean" : scale ? "input.scale" : "input.channels";
  if (is_inside(model, argument.name)) {
    spec.origins[field] = fmt::format("model.yml --{}, which is inside the IR already", argument.name);
    return;
  }
  spec.origins[field] = fmt::format("model.yml --{}", argument.name);
  if (reverse) {
    spec.input.channels = ChannelOrder::kRgb;
  } else {
    (mean ? spec.input.mean : spec.input.scale) = read_levels(argument);
  }
}

}  // namespace

ModelSpec apply_zoo_description(const std::filesystem::path& yml, const Model& model, ModelSpec base) {
  constexpr std::array<std::array<std::string_view, 2>, 7> kTasks = {{{"detection", "detect"},
                                                                      {"classification", "classify"},
                                                                      {"object_attributes", "classify"},
                                                                      {"head_pose_estimation", "classify"},
                                                                      {"semantic_segmentation", "segment"},
                                                                      {"face_recognition", "embed"},
                                                                      {"action_recognition", "classify"}}};
  const YamlDocument document = YamlDocument::read(yml);
  YamlMap map = document.root().as_map("a model's description of the Open Model Zoo");
  ModelSpec spec = std::move(base);
  std::string type;
  map.read("task_type", type);
  for (const auto& [name, task] : kTasks) {
    if (type == name) {
      spec.task = task;
      spec.origins["task"] = "model.yml task_type";
    }
  }
  for (const Argument& argument : read_arguments(map)) {
    apply_argument(argument, model, spec);
  }
  return spec;
}

}  // namespace fovea
