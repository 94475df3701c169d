// DetectionMetrics: average precision as COCO defines it, and recall by size and visibility.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vision/metrics/judged_frame.hpp"

namespace fovea {

/// Which result hit which truth of a frame, at IoU 0.5.
struct FrameMatches {
  static constexpr int kNone = -1;
  static constexpr int kDropped = -2;  ///< Matches an ignored truth only.
  std::vector<int> truth_of_result;    ///< For each result a truth's index, kNone (false alarm) or kDropped.
  std::vector<int> result_of_truth;    ///< For each truth a result's index or kNone (missed, unless ignored).
};

struct ClassDetection {
  std::string label;
  std::size_t truth = 0;    ///< Objects that count, over all frames.
  std::size_t results = 0;  ///< Results that count.
  std::size_t hits = 0;     ///< At IoU 0.5.
  double ap50 = 0;
  double ap = 0;
};

/// Part of the truth found at IoU 0.5 among objects alike.
struct RecallBin {
  double from = 0;  ///< Inclusive.
  double to = 0;    ///< Exclusive, but inclusive in the last bin; may be infinite.
  std::size_t truth = 0;
  std::size_t found = 0;
};

struct DetectionReport {
  std::optional<double> ap50;           ///< Means over `classes`; nothing when the truth held nothing.
  std::optional<double> ap;             ///<
  std::optional<double> precision;      ///< hits / results over `classes`, at the pipeline's own threshold.
  std::optional<double> recall;         ///< hits / truth.
  std::vector<ClassDetection> classes;  ///< Labels with truth that counts, in alphabetical order.
  std::vector<RecallBin> by_height;     ///< Pixels.
  std::vector<RecallBin> by_visible;
  std::map<std::string, std::size_t> without_truth;  ///< Results of labels that the truth never held; not judged.
};

/// COCO's evaluation (Lin et al. 2014, "bbox"): per frame and label, results in the order of their confidence, at most
/// the 100 most confident, each take the free truth with the highest IoU, if that is at least the threshold; IoU
/// thresholds 0.50, 0.55 … 0.95; precision, made monotonous, at 101 recalls. A result that matches no counted truth but
/// an ignored one (see excused()) is dropped. Keeps 8 bytes a result. Depends on the order of frames only among results
/// of equal confidence. Not thread-safe.
class DetectionMetrics {
 public:
  FrameMatches add(const JudgedFrame& frame);
  [[nodiscard]] DetectionReport report() const;

 private:
  /// Bit i belongs to IoU threshold i.
  struct Scored {
    float confidence;
    std::uint16_t hit;
    std::uint16_t dropped;
  };
  struct Class {
    std::vector<Scored> results;
    std::size_t truth = 0;
  };

  void add_class(const std::string& label, const JudgedFrame& frame, FrameMatches& matches);
  void add_recall(const JudgedFrame& frame, const FrameMatches& matches);
  static double average_precision(const std::vector<Scored>& sorted, unsigned threshold, std::size_t truth);

  std::map<std::string, Class> classes_;
  std::vector<RecallBin> by_height_ = {
      {0, 32, 0, 0}, {32, 64, 0, 0}, {64, 128, 0, 0}, {128, std::numeric_limits<double>::infinity(), 0, 0}};
  std::vector<RecallBin> by_visible_ = {{0, 0.25, 0, 0}, {0.25, 0.5, 0, 0}, {0.5, 0.75, 0, 0}, {0.75, 1, 0, 0}};
};

}  // namespace fovea
