// Counting answers.
#include "vision/metrics/attributes.hpp"

namespace fovea {

std::size_t AttributeMetrics::add(const JudgedFrame& frame, const FrameMatches& matches) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    const TruthObject& truth = frame.truth[i];
    if (matches.result_of_truth[i] < 0 || truth.visible_height_px <= kMinVisibleHeightPx) {
      continue;
    }
    const ResultObject& result = frame.results[static_cast<std::size_t>(matches.result_of_truth[i])];
    for (const auto& [name, value] : truth.attributes) {
      const auto said = result.attributes.find(name);
      const bool answered = said != result.attributes.end();
      const bool correct = answered && said->second == value;
      AttributeReport& report = attributes_[name];
      for (AttributeScore* score : {&report.all, &report.by_label[truth.label]}) {
        ++score->objects;
        score->answered += answered ? 1U : 0U;
        score->correct += correct ? 1U : 0U;
      }
      ++report.confusion[value][answered ? said->second : kNoAnswer];
      wrong += answered && !correct ? 1U : 0U;
    }
  }
  return wrong;
}

std::map<std::string, AttributeReport> AttributeMetrics::report() const {
  std::map<std::string, AttributeReport> answered = attributes_;
  std::erase_if(answered, [](const auto& entry) { return entry.second.all.answered == 0; });
  return answered;
}

}  // namespace fovea
