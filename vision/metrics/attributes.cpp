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
      Answers& answers = answers_[name][truth.label];
      ++answers.score.objects;
      answers.score.answered += answered ? 1U : 0U;
      answers.score.correct += correct ? 1U : 0U;
      ++answers.confusion[value][answered ? said->second : kNoAnswer];
      wrong += answered && !correct ? 1U : 0U;
    }
  }
  return wrong;
}

std::map<std::string, AttributeReport> AttributeMetrics::report() const {
  std::map<std::string, AttributeReport> reports;
  for (const auto& [name, labels] : answers_) {
    for (const auto& [label, answers] : labels) {
      if (answers.score.answered == 0) {
        continue;
      }
      AttributeReport& report = reports[name];
      report.by_label[label] = answers.score;
      report.all.objects += answers.score.objects;
      report.all.answered += answers.score.answered;
      report.all.correct += answers.score.correct;
      for (const auto& [truth, row] : answers.confusion) {
        for (const auto& [answer, number] : row) {
          report.confusion[truth][answer] += number;
        }
      }
    }
  }
  return reports;
}

}  // namespace fovea
