// A pinhole camera over the street.
#pragma once

#include "vision/street/math.hpp"

namespace fovea::street {

/// Nothing nearer than this along the optical axis is drawn.
inline constexpr double kNear = 0.4;

struct Camera {
  Vec3 position;
  Vec3 right;    ///< Unit vectors of the picture's x axis,
  Vec3 up;       ///< against its y axis,
  Vec3 forward;  ///< and into it.
  double focal_px = 1;
  double centre_x = 0;  ///< Principal point in canvas pixels.
  double centre_y = 0;

  /// x and y in metres across the view, z the depth.
  [[nodiscard]] Vec3 to_view(const Vec3& world) const {
    const Vec3 d = world - position;
    return {dot(d, right), dot(d, up), dot(d, forward)};
  }
  /// Of a point in view coordinates with z > 0.
  [[nodiscard]] Px project(const Vec3& view) const {
    const double k = focal_px / view.z;
    return {centre_x + view.x * k, centre_y - view.y * k};
  }
  /// The unit direction through a canvas position.
  [[nodiscard]] Vec3 ray(double x, double y) const {
    return normalised(forward * focal_px + right * (x - centre_x) + up * (centre_y - y));
  }
};

}  // namespace fovea::street
