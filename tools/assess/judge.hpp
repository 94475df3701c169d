// Judge: truth and result of frame after frame become the figures of a report.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vision/analysis.hpp"
#include "vision/counting.hpp"
#include "vision/metrics/attributes.hpp"
#include "vision/metrics/detection.hpp"
#include "vision/metrics/name_map.hpp"
#include "vision/metrics/segmentation.hpp"
#include "vision/metrics/tracking.hpp"

namespace fovea::assess {

/// Whose hits and misses count, and how names are read.
struct Rules {
  double min_height_px = 24;                          ///< Truth below is ignored; so are the next two.
  double min_visible = 0.3;                           ///< [0,1].
  double min_in_frame = 0.3;                          ///< [0,1].
  std::set<std::string> classes;                      ///< Only these; empty: all.
  std::optional<std::set<std::string>> model_labels;  ///< What the detectors can say; nothing: unknown, so all.
  NameMap names;       ///< Of labels, attributes and their values.
  NameMap mask_names;  ///< Of mask classes.
  std::vector<CountingLine> lines;
  std::vector<CountingZone> zones;
};

/// What a pipeline's elements are there for. What is expected and does not come was measured, and bad.
struct Expected {
  bool objects = false;
  bool tracks = false;
  bool masks = false;
};

struct CountError {
  std::size_t truth = 0;
  std::size_t counted = 0;

  [[nodiscard]] std::size_t error() const { return counted > truth ? counted - truth : truth - counted; }
  /// error / truth; nothing where the truth is 0.
  [[nodiscard]] std::optional<double> relative() const {
    return truth == 0 ? std::nullopt : std::optional(static_cast<double>(error()) / static_cast<double>(truth));
  }
};

struct LineErrors {
  CountError forward;
  CountError backward;
};

/// By line's or zone's name, then by label; the empty label holds the sums.
struct CountingReport {
  std::map<std::string, std::map<std::string, LineErrors>> lines;
  std::map<std::string, std::map<std::string, CountError>> zones;
};

/// What was not measured is absent.
struct Report {
  std::size_t sequences = 0;
  std::size_t frames = 0;
  std::uint64_t dropped =
      0;                    ///< Frames that left the source, or that a live source had to leave out, and never arrived.
  std::size_t skipped = 0;  ///< Frames that arrived without inference in them.
  std::optional<DetectionReport> detection;
  std::optional<TrackingReport> tracking;
  std::map<std::string, AttributeReport> attributes;
  std::optional<SegmentationReport> segmentation;
  std::optional<CountingReport> counting;
  std::map<double, double> latency_ms;                  ///< Percentile in (0,1] → milliseconds.
  std::map<std::string, std::size_t> truth_not_judged;  ///< Boxes by label: excluded or unknown to the model.
  std::size_t truth_counted = 0;                        ///< Boxes.
  std::size_t truth_ignored = 0;                        ///< Boxes that the rules, or the truth itself, set aside.
};

/// What is wrong with one frame.
struct Verdict {
  JudgedFrame frame;
  FrameMatches matches;
  std::size_t misses = 0;
  std::size_t false_alarms = 0;
  std::size_t id_switches = 0;
  std::size_t wrong_attributes = 0;

  [[nodiscard]] std::size_t badness() const { return misses + false_alarms + id_switches + wrong_attributes; }
  /// "2 missed (car, person), 1 false alarm (truck), 1 id switch".
  [[nodiscard]] std::string text() const;
};

/// Keeps a few bytes a box and frame; frames themselves are not kept. Not thread-safe: one thread at a time.
class Judge {
 public:
  /// \throws Error{kInvalidArgument} for lines or zones that make no sense.
  explicit Judge(Rules rules);

  void expect(const Expected& expected);

  /// A new scene: ids mean new things. \param height_px  Of its frames, as they left the source.
  void begin_sequence(int height_px);

  /// The sequence's next frame. Truth objects may have the attributes "visible", "in_frame" (numbers in [0,1]),
  /// "visible_box" ("x,y,width,height") and "ignore"; all others are asked of the results.
  Verdict add(const FrameAnalysis& truth, const FrameAnalysis& result, double latency_ms);

  void end_sequence(std::uint64_t dropped);

  [[nodiscard]] Report report() const;
  [[nodiscard]] const Rules& rules() const { return rules_; }

 private:
  [[nodiscard]] bool judged(const std::string& label) const;
  [[nodiscard]] TruthObject to_truth(const Object& object, std::string label) const;
  JudgedFrame judged_frame(const FrameAnalysis& truth, const FrameAnalysis& result);
  void count(const JudgedFrame& frame, const FrameTracking& tracking);
  [[nodiscard]] CountingReport counting_report() const;

  Rules rules_;
  Expected expected_;
  DetectionMetrics detection_;
  TrackingMetrics tracking_;
  AttributeMetrics attributes_;
  SegmentationMetrics segmentation_;
  Counting true_counts_;
  Counting result_counts_;
  std::vector<double> latency_ms_;
  Report so_far_;  ///< Counters only.
  bool truth_has_ids_ = false;
  int height_px_ = 0;
};

}  // namespace fovea::assess
