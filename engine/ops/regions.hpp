// Reading features [N,C,H,W] under regions that are data: shared by ROIPooling, PSROIPooling and ROIAlign.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {

/// Features of rank 4, regions of rank 2 with this many values each.
inline void check_region_inputs(const Shape& features, const Shape& regions, std::int64_t values) {
  check_rank(features, 4, 4, "features");
  check_rank(regions, 2, 2, "regions");
  if (!extents_agree(regions[1], values)) {
    fail(ErrorCode::kInvalidModel, "regions have {} values, expected {}", regions[1], values);
  }
}

/// Positions [first, last) along an axis.
struct Bin {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Cut off at the ends of the axis; bounds that are no numbers give an empty bin.
inline Bin clip_bin(double first, double last, std::int64_t extent) {
  const auto most = static_cast<double>(extent);
  if (!(first <= last)) {
    return {};
  }
  return {.first = static_cast<std::int64_t>(std::clamp(first, 0.0, most)),
          .last = static_cast<std::int64_t>(std::clamp(last, 0.0, most))};
}

/// One channel of one batch item.
struct FeaturePlane {
  const double* values = nullptr;
  std::int64_t height = 0;
  std::int64_t width = 0;

  [[nodiscard]] double at(std::int64_t y, std::int64_t x) const { return values[y * width + x]; }

  [[nodiscard]] bool contains(double y, double x) const {
    return y >= 0 && x >= 0 && y <= static_cast<double>(height - 1) && x <= static_cast<double>(width - 1);
  }

  /// Bilinear; positions outside are moved to the edge.
  [[nodiscard]] double sample(double y, double x) const {
    y = std::clamp(y, 0.0, static_cast<double>(height - 1));
    x = std::clamp(x, 0.0, static_cast<double>(width - 1));
    const auto top = static_cast<std::int64_t>(y);
    const auto left = static_cast<std::int64_t>(x);
    const std::int64_t bottom = std::min(top + 1, height - 1);
    const std::int64_t right = std::min(left + 1, width - 1);
    const double dy = y - static_cast<double>(top);
    const double dx = x - static_cast<double>(left);
    return (1 - dy) * ((1 - dx) * at(top, left) + dx * at(top, right)) +
           dy * ((1 - dx) * at(bottom, left) + dx * at(bottom, right));
  }
};

/// The features as doubles.
class FeatureMap {
 public:
  explicit FeatureMap(const ConstTensorView& view) : shape_(view.shape()), values_(to_doubles(view)) {}

  /// nullopt for a batch number that does not exist and for planes without elements.
  [[nodiscard]] std::optional<FeaturePlane> plane(double batch, std::int64_t channel) const {
    if (!(batch >= 0 && batch < static_cast<double>(shape_[0])) || shape_[2] == 0 || shape_[3] == 0) {
      return std::nullopt;
    }
    const std::int64_t number = static_cast<std::int64_t>(batch) * shape_[1] + channel;
    return FeaturePlane{
        .values = values_.data() + number * shape_[2] * shape_[3], .height = shape_[2], .width = shape_[3]};
  }

 private:
  Shape shape_;
  std::vector<double> values_;
};

/// Calls visit(region, channel, row, column) for each element of [R,C,h,w] in row-major order.
template <class Visit>
void for_each_output(const Shape& shape, Visit visit) {
  for (std::int64_t region = 0; region < shape[0]; ++region) {
    for (std::int64_t channel = 0; channel < shape[1]; ++channel) {
      for (std::int64_t row = 0; row < shape[2]; ++row) {
        for (std::int64_t column = 0; column < shape[3]; ++column) {
          visit(static_cast<std::size_t>(region), channel, row, column);
        }
      }
    }
  }
}

}  // namespace fovea::ops
