// One frame as the metrics see it: what is in it, what was said about it, and how far boxes overlap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vision/geometry.hpp"

namespace fovea {

/// One thing that is really there.
struct TruthObject {
  Box box;  ///< Full extent, normalised.
  std::string label;
  std::optional<std::uint64_t> id;  ///< Unique within a sequence; nothing: this truth cannot judge tracks.
  bool ignore = false;              ///< Neither hit nor miss; results that match it are dropped.
  double height_px = 0;             ///< Of the box, in the frame.
  double visible_height_px = 0;     ///< Of the part that can be seen.
  double visible = 1;               ///< Part that can be seen, [0,1].
  std::map<std::string, std::string> attributes;
};

/// One thing the pipeline said is there.
struct ResultObject {
  Box box;  ///< Normalised.
  std::string label;
  double confidence = 0;            ///< Not NaN.
  std::optional<std::uint64_t> id;  ///< Nothing: not tracked.
  std::map<std::string, std::string> attributes;
};

struct JudgedFrame {
  std::vector<TruthObject> truth;
  std::vector<ResultObject> results;
};

/// Least IoU at which a result counts as a hit where nothing else is said.
inline constexpr double kHitIou = 0.5;

/// Intersection over union in [0,1], in double; 0 for boxes that are empty or not finite.
double precise_iou(const Box& a, const Box& b);

/// Part of `detection` that lies in `region`, [0,1]; 0 for boxes that are empty or not finite.
double coverage(const Box& detection, const Box& region);

/// Whether a result that hit nothing is dropped because of an ignored truth: IoU of at least `min_iou`, or at least
/// half of the result inside it (as KITTI and COCO treat regions nobody labelled).
bool excused(const Box& result, const Box& ignored, double min_iou);

/// The value at position ⌈p·n⌉ of the sorted `values` (nearest rank). \param p  In (0,1]. \return nothing without
/// values.
std::optional<double> percentile(std::vector<double> values, double p);

}  // namespace fovea
