// Tracker: detections over time become tracks with stable ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vision/analysis.hpp"

namespace fovea {

enum class TrackingType : std::uint8_t {
  kZeroTerm,   ///< Associates detections only; a frame without detection shows no objects.
  kShortTerm,  ///< Also predicts boxes in frames without inference (Kalman, constant velocity).
};

struct TrackerSettings {
  TrackingType type = TrackingType::kShortTerm;
  float min_iou = 0.1F;              ///< Association needs at least this overlap of detection and prediction …
  float max_centre_distance = 0.6F;  ///< … or centres nearer than this many box diagonals.
  float high_confidence = 0.5F;      ///< Below, a detection may continue a track but not start one (ByteTrack's idea).
  int min_hits = 2;                  ///< Detections before a track is shown.
  std::chrono::nanoseconds max_lost = std::chrono::milliseconds(1000);  ///< A track without detection ends after this.
  /// true: a label's detections and tracks are a world of their own. false: a detector that takes a truck for a car now
  /// and then neither ends the track nor begins a second one; objects bear their track's label, see Tracker::update.
  bool per_class = false;
  int max_tracks = 256;  ///< Bound; surplus detections stay without id.
};

/// One stream's tracks. Time comes from the frames (PTS), so dropped frames do not slow tracks down. Not thread-safe.
class Tracker {
 public:
  explicit Tracker(const TrackerSettings& settings);
  ~Tracker();
  Tracker(Tracker&&) noexcept;
  Tracker& operator=(Tracker&&) noexcept;

  /// Assigns track ids to `objects`, smooths no boxes, keeps their order. Boxes that are empty or not finite,
  /// detections of tracks not yet shown and those beyond max_tracks stay without id. A time that lies further back than
  /// max_lost counts as a new beginning.
  ///
  /// Unless per_class, an object that gets an id also gets the label its track was given most, weighted by confidence
  /// and fading over some twenty detections; and of two labels a model gives to nearly the same box, the less confident
  /// stays without id.
  /// \param inferred  false: the detector did not look at this frame; kShortTerm then appends predicted objects.
  void update(std::vector<Object>& objects, std::chrono::nanoseconds pts, bool inferred);

  /// Forgets all tracks; ids go on counting. For FLUSH and new segments.
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Suppresses objects that overlap a more confident one of the same label, and those whose confidence is NaN. Survivors
/// keep their order; of equals the first survives. Greedy; O(n²) in the number of objects.
/// \param max_iou In [0,1]; 0.45 is what SSD and YOLOv5 exports use.
void non_maximum_suppression(std::vector<Object>& objects, float max_iou);

}  // namespace fovea
