// Overlaps in double and percentiles.
#include "vision/metrics/judged_frame.hpp"

#include <algorithm>
#include <cmath>

namespace fovea {
namespace {

struct Overlap {
  double shared = 0;
  double area_a = 0;
  double area_b = 0;
};

/// All zero when a box is empty or not finite.
Overlap overlap_of(const Box& a, const Box& b) {
  const auto right = [](const Box& box) { return static_cast<double>(box.x) + box.width; };
  const auto bottom = [](const Box& box) { return static_cast<double>(box.y) + box.height; };
  const auto good = [&](const Box& box) {
    return std::isfinite(right(box)) && std::isfinite(bottom(box)) && box.width > 0 && box.height > 0;
  };
  if (!good(a) || !good(b)) {
    return {};
  }
  const double width = std::min(right(a), right(b)) - std::max<double>(a.x, b.x);
  const double height = std::min(bottom(a), bottom(b)) - std::max<double>(a.y, b.y);
  return {std::max(width, 0.0) * std::max(height, 0.0), static_cast<double>(a.width) * a.height,
          static_cast<double>(b.width) * b.height};
}

}  // namespace

double precise_iou(const Box& a, const Box& b) {
  const Overlap overlap = overlap_of(a, b);
  const double joint = overlap.area_a + overlap.area_b - overlap.shared;
  return joint > 0 ? overlap.shared / joint : 0;
}

double coverage(const Box& detection, const Box& region) {
  const Overlap overlap = overlap_of(detection, region);
  return overlap.area_a > 0 ? overlap.shared / overlap.area_a : 0;
}

bool excused(const Box& result, const Box& ignored, double min_iou) {
  constexpr double kMinCoverage = 0.5;
  return precise_iou(result, ignored) >= min_iou || coverage(result, ignored) >= kMinCoverage;
}

std::optional<double> percentile(std::vector<double> values, double p) {
  if (values.empty()) {
    return std::nullopt;
  }
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace fovea
