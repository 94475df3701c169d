// Greedy matching per frame, precision–recall curves at the end.
#include "vision/metrics/detection.hpp"

#include <algorithm>
#include <set>

namespace fovea {
namespace {

constexpr unsigned kThresholds = 10;
constexpr std::size_t kMaxResultsPerFrame = 100;  // COCO's maxDets
constexpr std::size_t kRecallSteps = 100;         // 101 recalls: 0, 0.01 … 1

double min_iou(unsigned threshold) { return (50.0 + 5.0 * threshold) / 100.0; }

void count(std::vector<RecallBin>& bins, double value, bool found) {
  for (RecallBin& bin : bins) {
    if (value >= bin.from && (value < bin.to || (value == bin.to && &bin == &bins.back()))) {
      ++bin.truth;
      bin.found += found ? 1U : 0U;
    }
  }
}

/// Objects of one label in one frame.
struct Members {
  std::vector<std::size_t> results;  ///< Most confident first.
  std::vector<std::size_t> counted;
  std::vector<std::size_t> ignored;
};

Members members_of(const std::string& label, const JudgedFrame& frame) {
  Members members;
  for (std::size_t i = 0; i < frame.results.size(); ++i) {
    if (frame.results[i].label == label) {
      members.results.push_back(i);
    }
  }
  std::ranges::stable_sort(members.results, [&](std::size_t a, std::size_t b) {
    return frame.results[a].confidence > frame.results[b].confidence;
  });
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    if (frame.truth[i].label == label) {
      (frame.truth[i].ignore ? members.ignored : members.counted).push_back(i);
    }
  }
  return members;
}

/// The free truth with the highest IoU of at least `least`; of equals the last, as COCO does. Index into `counted`.
std::optional<std::size_t> best_truth(const Box& box, const JudgedFrame& frame, const Members& members,
                                      const std::vector<char>& taken, double least) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < members.counted.size(); ++i) {
    const double iou = precise_iou(box, frame.truth[members.counted[i]].box);
    if (taken[i] == 0 && iou >= least) {
      least = iou;
      best = i;
    }
  }
  return best;
}

}  // namespace

FrameMatches DetectionMetrics::add(const JudgedFrame& frame) {
  FrameMatches matches{std::vector<int>(frame.results.size(), FrameMatches::kNone),
                       std::vector<int>(frame.truth.size(), FrameMatches::kNone)};
  std::set<std::string> labels;
  for (const TruthObject& truth : frame.truth) {
    labels.insert(truth.label);
  }
  for (const ResultObject& result : frame.results) {
    labels.insert(result.label);
  }
  for (const std::string& label : labels) {
    add_class(label, frame, matches);
  }
  add_recall(frame, matches);
  return matches;
}

void DetectionMetrics::add_class(const std::string& label, const JudgedFrame& frame, FrameMatches& matches) {
  Members members = members_of(label, frame);
  Class& collected = classes_[label];
  collected.truth += members.counted.size();
  for (std::size_t i = kMaxResultsPerFrame; i < members.results.size(); ++i) {
    matches.truth_of_result[members.results[i]] = FrameMatches::kDropped;
  }
  members.results.resize(std::min(members.results.size(), kMaxResultsPerFrame));
  std::vector<Scored> scored;
  for (const std::size_t result : members.results) {
    scored.push_back({static_cast<float>(frame.results[result].confidence), 0, 0});
  }
  for (unsigned threshold = 0; threshold < kThresholds; ++threshold) {
    const auto bit = static_cast<std::uint16_t>(1U << threshold);
    std::vector<char> taken(members.counted.size(), 0);
    for (std::size_t i = 0; i < members.results.size(); ++i) {
      const Box& box = frame.results[members.results[i]].box;
      int verdict = FrameMatches::kNone;
      if (const auto best = best_truth(box, frame, members, taken, min_iou(threshold))) {
        taken[*best] = 1;
        scored[i].hit = static_cast<std::uint16_t>(scored[i].hit | bit);
        verdict = static_cast<int>(members.counted[*best]);
      } else if (std::ranges::any_of(members.ignored, [&](std::size_t ignored) {
                   return excused(box, frame.truth[ignored].box, min_iou(threshold));
                 })) {
        scored[i].dropped = static_cast<std::uint16_t>(scored[i].dropped | bit);
        verdict = FrameMatches::kDropped;
      }
      if (threshold == 0) {
        matches.truth_of_result[members.results[i]] = verdict;
        if (verdict >= 0) {
          matches.result_of_truth[static_cast<std::size_t>(verdict)] = static_cast<int>(members.results[i]);
        }
      }
    }
  }
  collected.results.insert(collected.results.end(), scored.begin(), scored.end());
}

void DetectionMetrics::add_recall(const JudgedFrame& frame, const FrameMatches& matches) {
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    if (!frame.truth[i].ignore) {
      const bool found = matches.result_of_truth[i] >= 0;
      count(by_height_, frame.truth[i].height_px, found);
      count(by_visible_, frame.truth[i].visible, found);
    }
  }
}

double DetectionMetrics::average_precision(const std::vector<Scored>& sorted, unsigned threshold, std::size_t truth) {
  struct Step {
    std::size_t hits;
    double precision;
  };
  std::vector<Step> curve;
  std::size_t hits = 0;
  std::size_t results = 0;
  for (const Scored& result : sorted) {
    if ((result.dropped >> threshold & 1U) == 0) {
      ++results;
      hits += result.hit >> threshold & 1U;
      curve.push_back({hits, static_cast<double>(hits) / static_cast<double>(results)});
    }
  }
  for (std::size_t i = curve.size(); i-- > 1;) {
    curve[i - 1].precision = std::max(curve[i - 1].precision, curve[i].precision);
  }
  double sum = 0;
  std::size_t at = 0;
  for (std::size_t step = 0; step <= kRecallSteps; ++step) {
    while (at < curve.size() && curve[at].hits * kRecallSteps < step * truth) {  // recall < step / 100, exactly
      ++at;
    }
    sum += at < curve.size() ? curve[at].precision : 0;
  }
  return sum / (kRecallSteps + 1);
}

DetectionReport DetectionMetrics::report() const {
  DetectionReport report;
  report.by_height = by_height_;
  report.by_visible = by_visible_;
  std::size_t truth = 0;
  std::size_t results = 0;
  std::size_t hits = 0;
  double ap50 = 0;
  double ap = 0;
  for (const auto& [label, collected] : classes_) {
    ClassDetection figures{.label = label, .truth = collected.truth};
    for (const Scored& result : collected.results) {
      figures.results += (result.dropped & 1U) == 0 ? 1U : 0U;
      figures.hits += result.hit & 1U;
    }
    if (collected.truth == 0) {
      if (figures.results > 0) {
        report.without_truth[label] = figures.results;
      }
      continue;
    }
    std::vector<Scored> sorted = collected.results;
    std::ranges::stable_sort(sorted, [](const Scored& a, const Scored& b) { return a.confidence > b.confidence; });
    for (unsigned threshold = 0; threshold < kThresholds; ++threshold) {
      const double one = average_precision(sorted, threshold, collected.truth);
      figures.ap50 = threshold == 0 ? one : figures.ap50;
      figures.ap += one / kThresholds;
    }
    truth += figures.truth;
    results += figures.results;
    hits += figures.hits;
    ap50 += figures.ap50;
    ap += figures.ap;
    report.classes.push_back(std::move(figures));
  }
  if (truth > 0) {
    const auto classes = static_cast<double>(report.classes.size());
    report.ap50 = ap50 / classes;
    report.ap = ap / classes;
    report.recall = static_cast<double>(hits) / static_cast<double>(truth);
  }
  if (results > 0) {
    report.precision = static_cast<double>(hits) / static_cast<double>(results);
  }
  return report;
}

}  // namespace fovea
