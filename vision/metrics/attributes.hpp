// AttributeMetrics: how often classifiers say of a found object what is true of it.
#pragma once

#include <map>
#include <string>

#include "vision/metrics/detection.hpp"
#include "vision/metrics/judged_frame.hpp"

namespace fovea {

/// Answer of a result that has no such attribute.
inline constexpr const char* kNoAnswer = "-";

struct AttributeScore {
  std::size_t objects = 0;   ///< Found objects that have the attribute in the truth.
  std::size_t answered = 0;  ///< Of these, results that say something.
  std::size_t correct = 0;   ///< Of these, right ones.
  /// correct / objects: no answer is a wrong answer. Only where objects > 0.
  [[nodiscard]] double accuracy() const { return static_cast<double>(correct) / static_cast<double>(objects); }
};

/// truth → answer → count.
using AttributeConfusion = std::map<std::string, std::map<std::string, std::size_t>>;

/// Sums over the labels in `by_label`: those of which at least one result answered. Nobody asked the others.
struct AttributeReport {
  AttributeScore all;
  std::map<std::string, AttributeScore> by_label;
  AttributeConfusion confusion;
};

/// Over truth objects that count, were found (IoU ≥ 0.5) and show more than 40 pixels of height: smaller ones do not
/// show what is asked. Not thread-safe.
class AttributeMetrics {
 public:
  static constexpr double kMinVisibleHeightPx = 40;

  /// \param matches  What DetectionMetrics::add said of the same frame. \return wrong answers in this frame.
  std::size_t add(const JudgedFrame& frame, const FrameMatches& matches);

  /// By attribute; those that no result ever had are absent.
  [[nodiscard]] std::map<std::string, AttributeReport> report() const;

 private:
  struct Answers {
    AttributeScore score;
    AttributeConfusion confusion;
  };
  std::map<std::string, std::map<std::string, Answers>> answers_;  ///< By attribute and label.
};

}  // namespace fovea
