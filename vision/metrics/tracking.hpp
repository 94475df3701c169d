// TrackingMetrics: CLEAR-MOT (MOTA, MOTP, switches, …) and IDF1 over whole sequences.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vision/metrics/judged_frame.hpp"

namespace fovea {

/// Counts of one label, or of several added up. Ignored truth and results dropped for it are in none of them.
struct TrackingCounts {
  std::size_t truth = 0;    ///< Boxes, over all frames.
  std::size_t results = 0;  ///< Boxes.
  std::size_t matches = 0;
  std::size_t misses = 0;
  std::size_t false_alarms = 0;
  std::size_t id_switches = 0;
  std::size_t fragmentations = 0;  ///< A truth track that was followed, lost and followed again: one each time.
  std::size_t tracks = 0;          ///< Of the truth.
  std::size_t mostly_tracked = 0;  ///< Followed in at least 80 % of their frames.
  std::size_t mostly_lost = 0;     ///< Followed in less than 20 % of their frames.
  std::size_t id_matches = 0;      ///< IDTP: boxes under the best one-to-one pairing of whole tracks.
  double iou_sum = 0;              ///< Over matches.

  [[nodiscard]] std::optional<double> mota() const;  ///< 1 − (misses + false alarms + switches) / truth.
  [[nodiscard]] std::optional<double> motp() const;  ///< Mean IoU of the matches: higher is better.
  [[nodiscard]] std::optional<double> idf1() const;  ///< 2·IDTP / (truth + results).
  TrackingCounts& operator+=(const TrackingCounts& other);
};

struct TrackingReport {
  TrackingCounts pooled;                          ///< Sum over `classes`.
  std::map<std::string, TrackingCounts> classes;  ///< Labels with truth that counts.
};

/// What a frame's tracks did, for those who show it.
struct FrameTracking {
  std::vector<std::size_t> switched;  ///< Indices of truth objects whose track id changed.
  std::vector<char> dropped;          ///< For each result: it matched an ignored truth only.
};

/// Bernardin and Stiefelhagen 2008: a pair of the last frame that was matched stays while its IoU is at least 0.5; the
/// others are paired with as many pairs, then as much IoU, as possible (Hungarian method), at least 0.5 each. A truth
/// whose result has another id than the last time, however long ago, is a switch. IDF1 after Ristani et al. 2016, with
/// the same least IoU. Labels are judged apart. Results and truth without id do not take part; of results with the same
/// label and id in one frame the first takes part and the others are false alarms.
///
/// Keeps a few words a track and pair of tracks of the present sequence. Not thread-safe.
class TrackingMetrics {
 public:
  TrackingMetrics();
  ~TrackingMetrics();
  TrackingMetrics(const TrackingMetrics&) = delete;
  TrackingMetrics& operator=(const TrackingMetrics&) = delete;

  /// The next frame of the present sequence.
  FrameTracking add(const JudgedFrame& frame);

  /// Ids mean new things from here on.
  void end_sequence();

  /// Of all ended sequences.
  [[nodiscard]] TrackingReport report() const;

 private:
  struct Sequence;
  std::map<std::string, Sequence> open_;  ///< By label.
  std::map<std::string, TrackingCounts> closed_;
};

}  // namespace fovea
