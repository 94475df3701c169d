#include "engine/ops/non_max.hpp"

#include <algorithm>

namespace fovea::ops {

double intersection_over_union(const Corners& a, const Corners& b, double offset) {
  const auto extent = [&](double low, double high) { return std::max(0.0, high - low + offset); };
  const double common =
      extent(std::max(a[0], b[0]), std::min(a[2], b[2])) * extent(std::max(a[1], b[1]), std::min(a[3], b[3]));
  const double area_a = extent(a[0], a[2]) * extent(a[1], a[3]);
  const double area_b = extent(b[0], b[2]) * extent(b[1], b[3]);
  return area_a <= 0 || area_b <= 0 ? 0.0 : common / (area_a + area_b - common);
}

Corners sort_corners(const Corners& box) {
  return {std::min(box[0], box[2]), std::min(box[1], box[3]), std::max(box[0], box[2]), std::max(box[1], box[3])};
}

std::vector<std::size_t> suppress(std::span<const Corners> boxes, std::span<const std::size_t> order, double threshold,
                                  std::size_t most, double offset) {
  std::vector<std::size_t> kept;
  for (const std::size_t candidate : order) {
    if (kept.size() >= most) {
      break;
    }
    const bool hidden = std::ranges::any_of(kept, [&](std::size_t other) {
      return intersection_over_union(boxes[candidate], boxes[other], offset) > threshold;
    });
    if (!hidden) {
      kept.push_back(candidate);
    }
  }
  return kept;
}

}  // namespace fovea::ops
