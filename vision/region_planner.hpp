// Which regions of a frame a model should see, and how its answers join what is known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vision/analysis.hpp"
#include "vision/post_process.hpp"

namespace fovea {

enum class InferenceRegion : std::uint8_t { kFullFrame, kRoiList };

struct RegionPolicy {
  InferenceRegion region = InferenceRegion::kFullFrame;
  std::vector<std::string> object_classes;  ///< Labels of objects to look at; empty: all.
  /// Frames between two looks at the same tracked object; 0: only once. Objects without track id are always looked at.
  int reclassify_interval = 1;
  int max_regions = 64;  ///< Per frame; the most confident objects win.
};

/// One run of the model on a frame.
struct RegionTask {
  Box region{0, 0, 1, 1};
  std::optional<std::size_t> object;  ///< Index into FrameAnalysis::objects; nothing for the whole frame.
};

/// Decides per frame and remembers, per track, what was said last. One per stream, not thread-safe.
class RegionPlanner {
 public:
  explicit RegionPlanner(RegionPolicy policy) : policy_(std::move(policy)) {}

  /// \param frame  Counts the stream's frames.
  std::vector<RegionTask> plan(const FrameAnalysis& analysis, std::uint64_t frame);

  /// Adds what a run said. Detections join the objects; the rest belongs to the task's object, or to the frame.
  void merge(FrameAnalysis& analysis, const RegionTask& task, Decoded decoded);

  /// Gives tracked objects that were not looked at in this frame what was said of them before.
  void recall(FrameAnalysis& analysis, std::uint64_t frame);

  void reset() { memory_.clear(); }

 private:
  struct Memory {
    std::uint64_t looked_at = 0;
    std::uint64_t last_seen = 0;
    std::vector<Attribute> attributes;
  };

  [[nodiscard]] bool wanted(const Object& object) const;

  RegionPolicy policy_;
  std::map<std::uint64_t, Memory> memory_;
};

}  // namespace fovea
