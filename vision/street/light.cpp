#include "vision/street/light.hpp"

namespace fovea::street {
namespace {

/// Warm white of sodium and LED lamps mixed.
constexpr Rgb kLampColor{1.0, 0.78, 0.5};
/// Distance at which a lamp's light has fallen to a quarter.
constexpr double kLampReach = 6.0;

Light day(Random& random) {
  Light light;
  light.kind = StreetLight::kDay;
  const bool overcast = random.chance(0.35);
  const double azimuth = random.between(0, 2 * kPi);
  const double height = random.between(0.45, 1.1);
  light.sun = normalised({cosine(azimuth), sine(azimuth), height});
  light.sun_light = overcast ? Rgb{0, 0, 0} : Rgb{0.78, 0.73, 0.62} * random.between(0.85, 1.15);
  light.ambient = (overcast ? Rgb{1.05, 1.07, 1.10} : Rgb{0.80, 0.84, 0.92}) * random.between(0.88, 1.12);
  light.sky_top = overcast ? Rgb{176, 182, 190} : Rgb{86, 134, 204};
  light.sky_horizon = overcast ? Rgb{206, 209, 212} : Rgb{192, 212, 232};
  light.haze = light.sky_horizon;
  light.haze_per_m = random.between(0.0008, 0.003);
  light.clouds = overcast ? 0.95 : random.between(0.1, 0.7);
  light.grain = random.between(1.2, 2.5);
  return light;
}

Light dusk(Random& random) {
  Light light;
  light.kind = StreetLight::kDusk;
  const double azimuth = random.between(0, 2 * kPi);
  light.sun = normalised({cosine(azimuth), sine(azimuth), 0.16});
  light.sun_light = Rgb{0.16, 0.09, 0.04} * random.between(0.3, 1.4);
  light.ambient = Rgb{0.42, 0.42, 0.52} * random.between(0.8, 1.2);
  light.sky_top = Rgb{54, 66, 108} * random.between(0.8, 1.2);
  light.sky_horizon = Rgb{214, 140, 92} * random.between(0.7, 1.0);
  light.haze = Rgb{120, 96, 92};
  light.haze_per_m = random.between(0.001, 0.003);
  light.clouds = random.between(0.2, 0.8);
  light.lamps = random.between(0.45, 0.7);
  light.headlights = true;
  light.lit_windows = 0.25;
  light.grain = random.between(2.5, 4.0);
  return light;
}

Light night(Random& random) {
  Light light;
  light.kind = StreetLight::kNight;
  light.sun = normalised({0.3, 0.2, 0.9});
  light.ambient = Rgb{0.115, 0.12, 0.15} * random.between(0.8, 1.6);
  light.sky_top = Rgb{10, 12, 20};
  light.sky_horizon = Rgb{36, 32, 34};
  light.haze = Rgb{30, 27, 28};
  light.haze_per_m = 0.001;
  light.clouds = random.between(0.2, 0.9);
  light.lamps = random.between(0.65, 1.0);
  light.headlights = true;
  light.lit_windows = 0.22;
  light.grain = random.between(3.5, 6.5);
  return light;
}

Light rain(Random& random) {
  const int time = random.below(10);  // mostly by day: at night the wet road hides most of what there is to learn
  Light light = time < 7 ? day(random) : (time < 9 ? dusk(random) : night(random));
  const bool bright = light.kind == StreetLight::kDay;
  light.kind = StreetLight::kRain;
  light.wet = true;
  light.sun_light = {};
  if (bright) {
    light.ambient = Rgb{1.00, 1.03, 1.07} * random.between(0.85, 1.1);
    light.sky_top = Rgb{140, 146, 154};
    light.sky_horizon = Rgb{168, 173, 178};
    light.haze = Rgb{160, 165, 170};
    light.lit_windows = 0.1;
    light.headlights = true;
    light.grain = random.between(2.0, 3.5);
  }
  light.ambient = bright ? light.ambient : light.ambient * 1.35;
  light.clouds = 1;
  light.haze_per_m = random.between(0.006, 0.012);
  return light;
}

}  // namespace

Light make_light(StreetLight kind, Random& random) {
  switch (kind) {
    case StreetLight::kDusk:
      return dusk(random);
    case StreetLight::kNight:
      return night(random);
    case StreetLight::kRain:
      return rain(random);
    default:
      return day(random);
  }
}

int building_at(const std::vector<Building>& buildings, double y) {
  int low = 0;
  int high = static_cast<int>(buildings.size()) - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (buildings[static_cast<std::size_t>(middle)].y0 <= y) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

Illumination::Illumination(const Light& light, const Layout& layout) : light_(light), layout_(layout) {
  for (const Thing& thing : layout.things) {
    if (thing.kind == ThingKind::kLamp) {
      lamps_.push_back(lamp_head(thing));
    }
  }
}

bool Illumination::in_shadow(const Vec3& point) const {
  if (light_.sun.x == 0) {
    return false;
  }
  const int side = light_.sun.x > 0 ? 1 : 0;
  const double wall = side == 1 ? layout_.facade[1] : -layout_.facade[0];
  const double t = (wall - point.x) / light_.sun.x;
  if (t <= 0.01) {
    return false;
  }
  const auto& buildings = layout_.buildings[static_cast<std::size_t>(side)];
  const Building& building = buildings[static_cast<std::size_t>(building_at(buildings, point.y + t * light_.sun.y))];
  return point.z + t * light_.sun.z < building.height;
}

Rgb Illumination::lamps_at(const Vec3& point) const {
  if (light_.lamps <= 0) {
    return {};
  }
  double sum = 0;
  for (const Vec3& lamp : lamps_) {
    const double dx = lamp.x - point.x;
    const double dy = lamp.y - point.y;
    const double dz = (lamp.z - point.z) * 0.3;
    const double near = 1 / (1 + (dx * dx + dy * dy + dz * dz) / (kLampReach * kLampReach));
    sum += near * near;
  }
  return kLampColor * (sum * light_.lamps);
}

Rgb Illumination::on(const Vec3& normal, const Rgb& lamp_light, double sun_share) const {
  const double facing = std::max(0.0, dot(normal, light_.sun)) * sun_share;
  return light_.ambient * (0.88 + 0.12 * normal.z) + light_.sun_light * facing + lamp_light * (0.7 + 0.3 * normal.z);
}

}  // namespace fovea::street
