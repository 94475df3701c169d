#include "tools/inspect/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/error.hpp"
#include "vision/picture_input.hpp"
#include "vision/post_process.hpp"

namespace fovea::tools {
namespace {

constexpr float kDefaultThreshold = 0.5F;  // as the elements take it

std::string origin(const ModelSpec& spec, std::string_view field) {
  const auto found = spec.origins.find(field);
  return found == spec.origins.end() ? "[default]" : fmt::format("[{}]", found->second);
}

std::string_view channels_name(ChannelOrder channels) {
  constexpr std::array<std::string_view, 3> kNames = {"BGR", "RGB", "grey"};
  return kNames.at(static_cast<std::size_t>(channels));
}

std::string resize_text(const PreProcessSpec& spec) {
  switch (spec.resize) {
    case ResizeMode::kStretch:
      return "stretched, aspect ratio not kept";
    case ResizeMode::kLetterbox:
      return fmt::format("letterbox: aspect ratio kept, centred, borders {}", spec.pad_value);
    case ResizeMode::kLetterboxTopLeft:
      return fmt::format("letterbox: aspect ratio kept, at the top left, borders {}", spec.pad_value);
    case ResizeMode::kCentralCrop:
      return "central crop: aspect ratio kept, the middle fills the input";
  }
  return {};
}

/// Who said how to resize and, where that is someone else, who said the grey of the borders.
std::string resize_origin(const PreProcessSpec& pre, const ModelSpec& spec) {
  const std::string resize = origin(spec, "input.resize");
  const std::string borders = origin(spec, "input.pad-value");
  const bool has_borders = pre.resize == ResizeMode::kLetterbox || pre.resize == ResizeMode::kLetterboxTopLeft;
  return has_borders && borders != resize ? resize + ", borders " + borders : resize;
}

/// The first labels and how many there are.
std::string labels_text(const std::vector<std::string>& labels) {
  constexpr std::size_t kMostShown = 8;
  std::string text = fmt::format("{} labels: ", labels.size());
  for (std::size_t i = 0; i < std::min(labels.size(), kMostShown); ++i) {
    text += (i == 0 ? "" : ", ") + labels[i];
  }
  return text + (labels.size() > kMostShown ? ", …" : "");
}

/// Lines of one part with numbers in front.
class Steps {
 public:
  explicit Steps(Plan& plan) : plan_(plan) {}

  void add(const std::string& what, const std::string& who) {
    plan_.lines.push_back(fmt::format("  {}. {}{}{}", ++count_, what, who.empty() ? "" : " ", who));
  }
  void detail(const std::string& what, const std::string& who) {
    plan_.lines.push_back(fmt::format("     {}{}{}", what, who.empty() ? "" : " ", who));
  }
  void problem(const std::string& what) {
    plan_.lines.push_back("  problem: " + what);
    plan_.complete = false;
  }

 private:
  Plan& plan_;
  int count_ = 0;
};

void explain_levels(const PreProcessSpec& pre, const ModelSpec& spec, Steps& steps) {
  const auto list = [&](const std::array<float, 3>& values) {
    return pre.channels == ChannelOrder::kGray ? fmt::format("{}", values[0])
                                               : fmt::format("{}", fmt::join(values, " "));
  };
  steps.add(fmt::format("subtract the mean {}", list(pre.mean)), origin(spec, "input.mean"));
  steps.add(fmt::format("divide by the scale {}", list(pre.scale)), origin(spec, "input.scale"));
}

void explain_before(const Model& model, const ModelSpec& spec, Plan& plan) {
  plan.lines.emplace_back("before the network:");
  Steps steps(plan);
  try {
    const GraphPort& port = model.graph.inputs[find_picture_input(model.graph.inputs, spec)];
    TensorType type = model.graph.value(port.value).type;
    type.data_type = is_float(type.data_type) ? DataType::kF32 : type.data_type;
    const TensorLayout layout = picture_layout(port, type.shape);
    const PreProcessSpec pre = resolve_preprocess(spec, type, layout);
    plan.preprocess = pre;
    steps.add("take the frame or an object's region, in the format it has", "");
    steps.add(
        fmt::format("resize to {}x{} (width x height, bilinear), {}", pre.width_px, pre.height_px, resize_text(pre)),
        resize_origin(pre, spec));
    steps.add(fmt::format("turn colours into {}", channels_name(pre.channels)),
              pre.channels == ChannelOrder::kGray && spec.input.channels != ChannelOrder::kGray
                  ? "[the input has one channel]"
                  : origin(spec, "input.channels"));
    explain_levels(pre, spec, steps);
    steps.add(fmt::format("write input '{}' {} as {}", port.name, to_string(type),
                          layout == TensorLayout::kNchw ? "NCHW" : "NHWC"),
              spec.input.input.empty() ? "[the model's only picture input]" : origin(spec, "input.name"));
    for (const ExtraInput& extra : spec.extra_inputs) {
      const bool sequence = extra.kind == ExtraInputKind::kSequenceIndex;
      steps.add(fmt::format("fill input '{}' with {}", extra.input,
                            sequence ? "0, 1, 1, … (where sequences begin)" : "height, width and scale 1"),
                origin(spec, "extra-inputs"));
    }
  } catch (const Error& error) {
    steps.problem(error.what());
  }
}

void explain_output(const OutputSpec& output, const ModelSpec& spec, const std::vector<OutputInfo>& outputs,
                    Steps& steps) {
  const DecoderDef& decoder = decoder_of(spec, output, outputs);
  steps.add(fmt::format("{}{}: {}", output.output.empty() ? "" : fmt::format("output '{}': ", output.output),
                        decoder.name, decoder.summary),
            output.decoder.empty() ? "[told from the outputs' shapes]" : origin(spec, "outputs"));
  if (decoder.name == "label") {
    steps.detail(fmt::format("method {}, a value counts from {}", output.method, output.threshold),
                 origin(spec, "outputs"));
  }
  if (decoder.suppresses) {
    steps.detail(
        fmt::format("of a class's boxes that overlap with an IoU above {} the surest stays", spec.iou_threshold),
        origin(spec, "iou-threshold"));
  }
  if (!output.labels.empty()) {
    steps.detail(labels_text(output.labels), origin(spec, "outputs"));
  } else if (!spec.labels.empty()) {
    steps.detail(labels_text(spec.labels), origin(spec, "labels"));
  } else {
    steps.detail("no labels: classes have numbers only", "");
  }
}

void explain_after(const Model& model, const ModelSpec& spec, Plan& plan) {
  plan.lines.emplace_back("after the network:");
  Steps steps(plan);
  std::vector<OutputInfo> outputs;
  for (const GraphPort& port : model.graph.outputs) {
    outputs.push_back({port.name, model.graph.value(port.value).type});
    plan.lines.push_back(fmt::format("  output '{}' {}", port.name, to_string(outputs.back().type)));
  }
  try {
    static_cast<void>(make_post_process(spec, outputs));
    for (const OutputSpec& output : spec.outputs.empty() ? std::vector<OutputSpec>(1) : spec.outputs) {
      explain_output(output, spec, outputs, steps);
    }
    if (spec.task == "detect") {
      steps.add(fmt::format("drop detections less sure than {}", spec.threshold.value_or(kDefaultThreshold)),
                origin(spec, "threshold"));
    }
  } catch (const Error& error) {
    steps.problem(error.what());
  }
}

}  // namespace

Plan explain_plan(const Model& model, const ModelSpec& spec) {
  Plan plan;
  plan.lines.push_back(fmt::format("{} ({})", spec.name, model.format));
  plan.lines.emplace_back(spec.sources.empty() ? "described by nothing: defaults, and what the graph tells"
                                               : "described by, strongest first:");
  for (const std::string& source : spec.sources) {
    plan.lines.push_back("  " + source);
  }
  plan.lines.push_back(fmt::format(
      "task: {}", spec.task.empty() ? "not said, the element decides" : spec.task + " " + origin(spec, "task")));
  explain_before(model, spec, plan);
  explain_after(model, spec, plan);
  return plan;
}

SeenPicture see_picture(const PreProcessSpec& spec, const Image& picture) {
  const std::int64_t channels = spec.channels == ChannelOrder::kGray ? 1 : 3;
  const bool nchw = spec.layout == TensorLayout::kNchw;
  Tensor tensor(spec.data_type, nchw ? Shape{1, channels, spec.height_px, spec.width_px}
                                     : Shape{1, spec.height_px, spec.width_px, channels});
  const Mapping mapping = PreProcess(spec).run(picture.view(), {0, 0, 1, 1}, tensor.mutable_view());
  const std::vector<double> values = to_doubles(tensor.view());
  SeenPicture seen;
  seen.image.width_px = spec.width_px;
  seen.image.height_px = spec.height_px;
  const auto pixels = static_cast<std::size_t>(spec.width_px) * static_cast<std::size_t>(spec.height_px);
  const auto depth = static_cast<std::size_t>(channels);
  seen.image.bgr.resize(3 * pixels);
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t channel = depth == 1 ? 0 : spec.channels == ChannelOrder::kRgb ? 2 - c : c;
      const double value = values[nchw ? channel * pixels + pixel : pixel * depth + channel];
      const double level = value * static_cast<double>(spec.scale[channel]) + static_cast<double>(spec.mean[channel]);
      seen.image.bgr[3 * pixel + c] = static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0)));
    }
  }
  const auto [least, most] = std::ranges::minmax_element(values);
  const auto column = [&](float x) {
    return (x - mapping.offset_x) / mapping.scale_x * static_cast<float>(spec.width_px);
  };
  const auto row = [&](float y) {
    return (y - mapping.offset_y) / mapping.scale_y * static_cast<float>(spec.height_px);
  };
  seen.lines.push_back(fmt::format("picture {}x{} fills columns {:.1f} to {:.1f} and rows {:.1f} to {:.1f} of {}x{}",
                                   picture.width_px, picture.height_px, column(0), column(1), row(0), row(1),
                                   spec.width_px, spec.height_px));
  seen.lines.push_back(fmt::format("the network reads values from {:.4g} to {:.4g}", *least, *most));
  return seen;
}

}  // namespace fovea::tools
