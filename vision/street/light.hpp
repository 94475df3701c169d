// How bright things are: sun, sky, lamps, haze and the sensor's gain under each kind of light.
#pragma once

#include <vector>

#include "vision/street/layout.hpp"

namespace fovea::street {

/// Light is a factor on a surface's colour: 1 shows it as it is.
struct Light {
  StreetLight kind = StreetLight::kDay;
  bool wet = false;
  Vec3 sun;       ///< Unit vector to the sun (or moon).
  Rgb sun_light;  ///< Zero when overcast.
  Rgb ambient;
  Rgb sky_top;  ///< 0…255.
  Rgb sky_horizon;
  Rgb haze;  ///< 0…255; also what fog scatters.
  double haze_per_m = 0;
  double clouds = 0.5;  ///< Cover, 0…1.
  double lamps = 0;     ///< Strength of street lamps.
  bool headlights = false;
  double lit_windows = 0;  ///< Share.
  double grain = 1;        ///< Standard deviation of sensor noise, in levels.
  double exposure = 1;

  /// Share of haze over a distance.
  [[nodiscard]] double haze_at(double metres) const {
    const double k = metres * haze_per_m;
    return k / (1 + k);
  }
};

Light make_light(StreetLight kind, Random& random);

/// Light that falls on points of the street; borrows the layout.
class Illumination {
 public:
  Illumination(const Light& light, const Layout& layout);

  [[nodiscard]] const Light& light() const { return light_; }
  /// Whether houses keep the sun from a point.
  [[nodiscard]] bool in_shadow(const Vec3& point) const;
  /// From the lamps near the point.
  [[nodiscard]] Rgb lamps_at(const Vec3& point) const;
  /// All light on a surface; `sun_share` 0 is full shadow.
  [[nodiscard]] Rgb on(const Vec3& normal, const Rgb& lamp_light, double sun_share) const;

 private:
  const Light& light_;
  const Layout& layout_;
  std::vector<Vec3> lamps_;
};

/// The house or gap at `y`, by index.
int building_at(const std::vector<Building>& buildings, double y);

}  // namespace fovea::street
