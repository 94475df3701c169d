// label: a classifier's scores become an attribute with a text, by one of DL Streamer's methods.

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

bool suits(const Shape& shape) { return is_vector(shape); }

void softmax(std::vector<double>& scores) {
  const double largest = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) {
    score = std::exp(score - largest);
    sum += score;
  }
  for (double& score : scores) {
    score /= sum;
  }
}

class Label : public PostProcess {
 public:
  Label(std::vector<std::string> outputs, OutputSpec spec, std::string model)
      : outputs_(std::move(outputs)), spec_(std::move(spec)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& /*context*/, Decoded& decoded) const override {
    for (const std::string& output : outputs_) {
      std::vector<double> scores = to_doubles(view_of(output, outputs));
      if (scores.empty() || std::ranges::any_of(scores, [](double score) { return std::isnan(score); })) {
        continue;
      }
      if (spec_.method == "softmax" || spec_.method == "softmax_multi") {
        softmax(scores);
      }
      decode_scores(attribute_name(spec_, output), scores, decoded);
    }
  }

 private:
  void decode_scores(const std::string& name, const std::vector<double>& scores, Decoded& decoded) const {
    if (spec_.method == "multi" || spec_.method == "softmax_multi") {
      for (std::size_t i = 0; i < scores.size(); ++i) {
        if (scores[i] >= spec_.threshold) {
          add(decoded, name, label_text(spec_.labels, static_cast<int>(i)), static_cast<int>(i), scores[i]);
        }
      }
    } else if (spec_.method == "compound") {
      add_compound(decoded, name, scores);
    } else if (spec_.method == "index") {
      add(decoded, name, join_labels(spec_.labels, scores), -1, 1);
    } else {
      const auto best = static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
      add(decoded, name, label_text(spec_.labels, static_cast<int>(best)), static_cast<int>(best), scores[best]);
    }
  }

  /// Two labels a value: what is written when it counts and when it does not. As sure as the least sure value.
  void add_compound(Decoded& decoded, const std::string& name, const std::vector<double>& scores) const {
    std::string text;
    double confidence = 1;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const bool counts = scores[i] >= spec_.threshold;
      text += label_text(spec_.labels, static_cast<int>(2 * i + (counts ? 0 : 1)));
      confidence = std::min(confidence, counts ? scores[i] : 1 - scores[i]);
    }
    add(decoded, name, std::move(text), -1, confidence);
  }

  void add(Decoded& decoded, const std::string& name, std::string text, int id, double confidence) const {
    decoded.attributes.push_back({.name = name,
                                  .label = std::move(text),
                                  .label_id = id,
                                  .confidence = static_cast<float>(confidence),
                                  .model = model_});
  }

  std::vector<std::string> outputs_;
  OutputSpec spec_;
  std::string model_;
};

bool all_suit(std::span<const OutputInfo> outputs) {
  return std::ranges::all_of(outputs, [](const OutputInfo& output) { return suits(output.type.shape); });
}

bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "classify" && all_suit(outputs);
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  constexpr std::array<std::string_view, 6> kMethods = {"max",   "softmax", "softmax_multi",
                                                        "multi", "index",   "compound"};
  if (std::ranges::find(kMethods, output.method) == kMethods.end()) {
    fail(ErrorCode::kInvalidConfig, "decoder 'label': method is '{}', expected one of {}", output.method,
         fmt::join(kMethods, ", "));
  }
  std::vector<std::string> names;
  if (output.output.empty() && outputs.size() > 1 && all_suit(outputs)) {
    for (const OutputInfo& info : outputs) {
      names.push_back(info.name);
    }
  } else {
    names.push_back(choose_output("label", output, outputs, suits, "[1,C] or [1,C,1,1]").name);
  }
  OutputSpec resolved = output;
  resolved.labels = labels_of(spec, output);
  return std::make_unique<Label>(std::move(names), std::move(resolved), spec.name);
}

}  // namespace

extern const DecoderDef label;
const DecoderDef label{
    .name = "label",
    .summary = "Scores [1,C] or [1,C,1,1] as a text attribute (max, softmax, multi, compound, index)",
    .aliases = {"tensor_to_label", "Classification"},
    .fits = fits,
    .make = make};

}  // namespace fovea::decoders
