// What decoders share: finding outputs and labels, turning corners into objects.
#include "vision/decoders/common.hpp"

#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::decoders {
namespace {

/// No model has as many classes; keeps the conversion to int defined.
constexpr double kLargestLabelId = 1e6;

std::string listing(std::span<const OutputInfo> outputs) {
  std::string text;
  for (const OutputInfo& output : outputs) {
    text += fmt::format("{}'{}' {}", text.empty() ? "" : ", ", output.name, to_string(output.type));
  }
  return text;
}

}  // namespace

const OutputInfo& choose_output(std::string_view decoder, const OutputSpec& spec, std::span<const OutputInfo> outputs,
                                const std::function<bool(const Shape&)>& suits, std::string_view expected) {
  const OutputInfo* chosen = nullptr;
  std::vector<std::string_view> names;
  for (const OutputInfo& output : outputs) {
    names.emplace_back(output.name);
    if (!spec.output.empty() ? output.name == spec.output : suits(output.type.shape)) {
      if (chosen != nullptr) {
        fail(ErrorCode::kInvalidConfig, "decoder '{}': several outputs suit, name one of {}", decoder,
             listing(outputs));
      }
      chosen = &output;
    }
  }
  if (chosen == nullptr && !spec.output.empty()) {
    fail(ErrorCode::kInvalidConfig, "decoder '{}': the model has no output '{}', only {}{}", decoder, spec.output,
         listing(outputs), did_you_mean(spec.output, names));
  }
  if (chosen == nullptr || !suits(chosen->type.shape)) {
    fail(ErrorCode::kInvalidConfig, "decoder '{}' reads {}; the model has {}", decoder, expected,
         chosen == nullptr ? listing(outputs) : listing({chosen, 1}));
  }
  return *chosen;
}

const ConstTensorView& view_of(std::string_view name, std::span<const NamedView> outputs) {
  for (const NamedView& output : outputs) {
    if (output.name == name) {
      return output.tensor;
    }
  }
  fail(ErrorCode::kInternal, "output '{}' is not among those given to the decoder", name);
}

std::vector<std::string> labels_of(const ModelSpec& spec, const OutputSpec& output) {
  return output.labels.empty() ? spec.labels : output.labels;
}

std::string label_text(const std::vector<std::string>& labels, int id) {
  return id >= 0 && static_cast<std::size_t>(id) < labels.size() ? labels[static_cast<std::size_t>(id)] : std::string();
}

std::string attribute_name(const OutputSpec& spec, std::string_view output) {
  return spec.attribute.empty() ? std::string(output) : spec.attribute;
}

bool is_vector(const Shape& shape) {
  int longer = 0;
  for (const std::int64_t extent : shape) {
    longer += extent == 1 ? 0 : 1;
  }
  return longer <= 1;
}

std::string join_labels(const std::vector<std::string>& labels, std::span<const double> ids) {
  std::string text;
  for (const double id : ids) {
    if (!(id >= 0 && id < static_cast<double>(labels.size()))) {
      break;
    }
    text += labels[static_cast<std::size_t>(id)];
  }
  return text;
}

void add_object(Decoded& decoded, const DecodeContext& context, const std::array<double, 4>& corners, double confidence,
                double label_id, const std::vector<std::string>& labels, const std::string& model) {
  if (!(confidence >= context.threshold) || !(std::abs(label_id) <= kLargestLabelId)) {
    return;
  }
  const auto corner = [&](std::size_t i) { return static_cast<float>(corners[i]); };
  const Box box = clip(context.mapping.to_frame(Box{corner(0), corner(1), static_cast<float>(corners[2] - corners[0]),
                                                    static_cast<float>(corners[3] - corners[1])}));
  if (!(box.area() > 0)) {  // Also when a corner is NaN.
    return;
  }
  Object object;
  object.box = box;
  object.label_id = static_cast<int>(label_id);
  object.label = label_text(labels, object.label_id);
  object.confidence = static_cast<float>(std::min(confidence, 1.0));
  object.model = model;
  decoded.objects.push_back(std::move(object));
}

}  // namespace fovea::decoders
