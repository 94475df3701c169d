#include "vision/street/surface.hpp"

namespace fovea::street {
namespace {

constexpr Rgb kAsphalt{102, 103, 106};
constexpr Rgb kPaintWhite{222, 222, 216};
constexpr double kMarkWidth = 0.13;

/// How much of a detail of `size` metres is still seen at a footprint.
double detail(double size, double footprint) { return clamp01(2 - 2 * footprint / size); }

bool on_line(double x, double line) { return std::fabs(x - line) < kMarkWidth / 2; }

/// Worn paint lets the asphalt through.
double paint_cover(double x, double y, std::uint32_t seed) { return 0.72 + 0.28 * noise(x * 5, y * 5, seed ^ 0x51U); }

bool is_mark(const Layout& layout, double x, double y) {
  for (const Zebra& zebra : layout.zebras) {
    if (std::fabs(y - zebra.y) < zebra.half) {
      return std::fabs(x) < layout.drive_half && fraction(x) < 0.5;
    }
    // The stop line lies before the crossing in driving direction: right side from below, left side from above.
    const double before = x > 0 ? zebra.y - zebra.half - y : y - zebra.y - zebra.half;
    if (before > 1.0 && before < 1.35 && std::fabs(x) < layout.lanes_each_way * layout.lane_width) {
      return true;
    }
    if (std::fabs(y - zebra.y) < zebra.half + 1.35) {
      return false;
    }
  }
  const bool dashes = fraction(y / 6) < 0.5;
  if (layout.lanes_each_way == 2 && std::fabs(std::fabs(x) - 0.12) < kMarkWidth / 2) {
    return true;
  }
  if (layout.lanes_each_way == 1 && dashes && on_line(x, 0)) {
    return true;
  }
  if (layout.lanes_each_way == 2 && dashes && on_line(std::fabs(x), layout.lane_width)) {
    return true;
  }
  const double lanes_end = layout.lanes_each_way * layout.lane_width;
  return (layout.marked_cycle_lane && on_line(std::fabs(x), lanes_end)) ||
         on_line(std::fabs(x), layout.drive_half - 0.1);
}

Surface road(const Layout& layout, double x, double y, double footprint) {
  const std::uint32_t seed = layout.seed;
  const double coarse = noise(x * 0.35, y * 0.12, seed);
  const double middle = noise(x * 2.1, y * 1.7, seed ^ 1U);
  const double grit = hash_unit(static_cast<int>(std::floor(x * 40)), static_cast<int>(std::floor(y * 40)), seed);
  double bright = 0.80 + 0.22 * coarse + 0.12 * (middle - 0.5) + 0.16 * (grit - 0.5) * detail(0.06, footprint);
  const double lanes_end = layout.lanes_each_way * layout.lane_width;
  if (std::fabs(x) < lanes_end) {
    // Wheels polish two tracks a lane, oil darkens between them.
    const double in_lane = fraction(std::fabs(x) / layout.lane_width) - 0.5;
    const double track = std::fabs(std::fabs(in_lane) - 0.24);
    bright += 0.06 * smooth_step(0.16, 0.0, track) - 0.07 * smooth_step(0.1, 0.0, std::fabs(in_lane));
  }
  // Patches of newer asphalt.
  const auto cell_x = static_cast<int>(std::floor(x / 2.3));
  const auto cell_y = static_cast<int>(std::floor(y / 7.5));
  const bool patch = hash_unit(cell_x, cell_y, seed ^ 7U) < 0.07;
  bright *= patch ? 0.74 : 1;
  const double crack = std::fabs(noise(x * 0.8, y * 0.55, seed ^ 9U) - 0.5);
  bright *= crack < 0.006 ? 1 - 0.3 * detail(0.15, footprint) : 1;
  Surface surface{kAsphalt * bright, {}, kRoad};
  if (layout.marked_cycle_lane && std::fabs(x) > lanes_end && std::fabs(x) < layout.drive_half && (seed & 1U) != 0) {
    surface.color = Rgb{128, 72, 62} * bright;
  }
  const double hole_x = fraction(x / 5.3) - 0.5;
  const double hole_y = fraction(y / 17.0) - 0.5;
  if (hole_x * hole_x * 5.3 * 5.3 + hole_y * hole_y * 17 * 17 < 0.1) {
    surface.color = Rgb{58, 56, 54};
  }
  if (is_mark(layout, x, y)) {
    surface.color = mix(surface.color, kPaintWhite, paint_cover(x, y, seed));
    surface.kind = kMark;
  }
  return surface;
}

Surface pavement(const Layout& layout, double x, double y, double beyond_kerb, double footprint) {
  const std::uint32_t seed = layout.seed ^ 0x33U;
  if (beyond_kerb < 0.16) {
    const double joint = fraction(y) < 0.03 ? 0.75 : 1;
    return {Rgb{168, 166, 160} * (joint * (0.92 + 0.1 * noise(x, y * 2, seed))), {}, kPavement};
  }
  const double slab = (seed & 2U) != 0 ? 0.5 : 0.33;
  const double u = fraction(x / slab);
  const double v = fraction(y / slab + 0.5 * fraction(std::floor(x / slab) * 0.5));
  const bool joint = u < 0.05 || v < 0.05;
  const double tone =
      hash_unit(static_cast<int>(std::floor(x / slab)),
                static_cast<int>(std::floor(y / slab + 0.5 * fraction(std::floor(x / slab) * 0.5))), seed);
  double bright = 0.90 + 0.10 * noise(x * 0.7, y * 0.5, seed) + (0.14 * tone - 0.07) * detail(slab * 2, footprint);
  bright *= joint ? 1 - 0.25 * detail(slab, footprint) : 1;
  const Rgb base = (seed & 4U) != 0 ? Rgb{146, 140, 132} : Rgb{134, 136, 138};
  return {base * bright, {}, kPavement};
}

Surface grass(double x, double y, std::uint32_t seed) {
  const double tone = 0.7 + 0.3 * noise(x * 0.6, y * 0.6, seed) + 0.25 * (noise(x * 7, y * 7, seed ^ 3U) - 0.5);
  return {Rgb{82, 108, 54} * tone, {}, kTerrain};
}

/// Glass by day shows a darkened sky, by night a lamp behind a curtain or nothing.
Surface window(std::uint32_t key, double share_u, double share_v, const Light& light) {
  const double luck = hash_unit(static_cast<int>(key), 5, 11);
  Surface surface;
  surface.kind = kBuilding;
  surface.color = mix(Rgb{34, 42, 52}, Rgb{92, 110, 128}, 0.35 * luck + 0.45 * share_v);
  const bool curtain = hash_unit(static_cast<int>(key), 6, 11) < 0.35;
  if (curtain && (share_u < 0.28 || share_u > 0.72)) {
    surface.color = Rgb{178, 172, 160} * 0.8;
  }
  if (luck < light.lit_windows) {
    const Rgb tint = hash_unit(static_cast<int>(key), 7, 11) < 0.7 ? Rgb{236, 178, 104} : Rgb{196, 208, 220};
    const double strength = 0.45 + 0.5 * hash_unit(static_cast<int>(key), 8, 11);
    surface.glow = tint * (strength * (curtain ? 0.75 : 1) * (0.75 + 0.25 * share_v));
  }
  return surface;
}

Surface shop_front(const Building& building, double u, double v, const Light& light) {
  const double floor = building.floor_height;
  Surface surface{building.trim * 0.8, {}, kBuilding};
  if (v > floor * 0.80) {  // the sign with its lettering
    surface.color = building.shop;
    const double letter = fraction(u * 1.9);
    const bool word = noise(u * 0.35, 3.0, building.seed) > 0.45;
    const double middle = std::fabs(v - floor * 0.9);
    const auto glyph = static_cast<int>(std::floor(u * 1.9));
    const bool ink = word && letter > 0.2 && letter < 0.85 && middle < floor * 0.05 &&
                     hash_unit(static_cast<int>(std::floor(u * 7.6)), glyph, building.seed) < 0.7;
    surface.color = ink ? Rgb{235, 232, 222} : surface.color;
    surface.glow = surface.color * (light.headlights ? 0.35 : 0);
    return surface;
  }
  const double bay = 3.4;
  const double share = fraction(u / bay);
  const bool door = hash_unit(static_cast<int>(std::floor(u / bay)), 1, building.seed) < 0.3;
  const double low = door ? 0.05 : 0.55;
  if (share > 0.06 && share < 0.94 && v > low && v < floor * 0.76) {
    surface.color = mix(Rgb{40, 44, 48}, Rgb{110, 104, 92}, 0.6 * noise(u * 1.7, v * 2.3, building.seed ^ 4U));
    const bool open = hash_unit(3, 4, building.seed) < 0.6;
    surface.glow = Rgb{230, 196, 140} * (light.headlights && open ? 0.25 + 0.4 * noise(u, v * 2, building.seed) : 0);
  }
  return surface;
}

}  // namespace

Surface ground_surface(const Layout& layout, double x, double y, double footprint) {
  const auto side = static_cast<std::size_t>(x > 0 ? 1 : 0);
  const double distance = std::fabs(x);
  if (distance < layout.kerb[side]) {
    return road(layout, x, y, footprint);
  }
  if (distance < layout.facade[side]) {
    return pavement(layout, x, y, distance - layout.kerb[side], footprint);
  }
  return grass(x, y, layout.seed);
}

Surface facade_surface(const Building& building, double u, double v, double footprint, const Light& light) {
  if (v < building.floor_height && building.has_shop) {
    return shop_front(building, u, v, light);
  }
  const double tone = 0.9 + 0.12 * noise(u * 0.8, v * 0.8, building.seed) - 0.12 * smooth_step(1.2, 0, v);
  Surface surface{building.wall * tone, {}, kBuilding};
  if (building.bricks) {
    const double course = std::floor(v / 0.14);
    const bool joint = fraction(v / 0.14) < 0.15 || fraction(u / 0.3 + course * 0.5) < 0.07;
    surface.color = joint ? mix(surface.color, Rgb{170, 160, 150}, 0.6 * detail(0.14, footprint)) : surface.color;
  }
  if (v > building.height - 0.7) {
    surface.color = building.trim;
    return surface;
  }
  const double floor = std::floor(v / building.floor_height);
  const double in_floor = v - floor * building.floor_height;
  const double bays = std::max(1.0, std::floor((building.y1 - building.y0 - 0.6) / building.bay_width));
  const double margin = (building.y1 - building.y0 - bays * building.bay_width) / 2;
  const double column = std::floor((u - margin) / building.bay_width);
  if (column < 0 || column >= bays || v > building.height - 1) {
    return surface;
  }
  const double in_bay = u - margin - column * building.bay_width - building.bay_width / 2;
  const double sill = building.floor_height * 0.28;
  const double a = std::fabs(in_bay) - building.window_width / 2;
  const double b = std::fabs(in_floor - sill - building.window_height / 2) - building.window_height / 2;
  if (building.balconies && floor > 0 && in_floor < 1.0 && std::fabs(in_bay) < building.bay_width * 0.42) {
    const bool rail = fraction(in_bay / 0.14) < 0.3 || in_floor > 0.92 || in_floor < 0.14;
    surface.color = rail ? mix(surface.color, Rgb{60, 62, 66}, 0.55 + 0.45 * detail(0.2, footprint)) : surface.color;
    if (rail) {
      return surface;
    }
  }
  if (a < 0 && b < 0) {
    const bool bar = std::fabs(in_bay) < 0.035 || a > -0.07 || b > -0.07;
    if (bar) {
      surface.color = mix(building.trim, Rgb{230, 228, 222}, 0.5);
      return surface;
    }
    return window(hash(static_cast<int>(column), static_cast<int>(floor), building.seed),
                  in_bay / building.window_width + 0.5, (in_floor - sill) / building.window_height, light);
  }
  if (a < 0.14 && b < 0.14) {
    surface.color = building.trim;
  } else if (in_floor < 0.12 && floor > 0) {
    surface.color = mix(surface.color, building.trim, 0.6);
  }
  return surface;
}

Surface side_wall_surface(const Building& building, double u, double v) {
  return {building.wall * (0.8 + 0.15 * noise(u * 0.5, v * 0.5, building.seed ^ 2U)), {}, kBuilding};
}

Surface hedge_surface(double u, double v, std::uint32_t seed) {
  const double top = 4 + 5 * noise(u * 0.12, 0, seed) + 1.2 * noise(u * 0.9, 0, seed ^ 1U);
  if (v > top) {
    return {{}, {}, kSky};
  }
  const double tone = 0.45 + 0.35 * noise(u * 1.3, v * 1.3, seed ^ 2U) + 0.35 * noise(u * 4, v * 4, seed ^ 3U);
  return {Rgb{64, 92, 46} * tone, {}, kVegetation};
}

Rgb sky_color(const Vec3& direction, const Light& light, std::uint32_t seed) {
  const double height = clamp01(direction.z * 1.6);
  Rgb color = mix(light.sky_horizon, light.sky_top, height * (2 - height));
  if (direction.z > 0.01 && light.kind != StreetLight::kNight) {
    const double x = direction.x / (direction.z + 0.12) * 1.3;
    const double y = direction.y / (direction.z + 0.12) * 1.3;
    const double cloud =
        0.55 * noise(x, y, seed) + 0.3 * noise(x * 2.3, y * 2.3, seed ^ 1U) + 0.15 * noise(x * 5, y * 5, seed ^ 2U);
    const double cover = smooth_step(1 - light.clouds, 1.25 - light.clouds, cloud);
    const Rgb white = mix(light.sky_horizon, Rgb{255, 255, 255} * std::min(1.0, light.ambient.r + 0.35), 0.5);
    color = mix(color, white * (0.86 + 0.2 * cloud), 0.75 * cover);
  }
  return color;
}

}  // namespace fovea::street
