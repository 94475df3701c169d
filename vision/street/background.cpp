// One ray meets at most: the ground, one of the two planes of house fronts, side walls in gaps between houses, a hedge
// behind a gap, the wall that ends the street, or the sky.
#include "vision/street/background.hpp"

#include <limits>

#include "vision/street/surface.hpp"

namespace fovea::street {
namespace {

constexpr double kFar = 1e9;
constexpr double kHouseDepth = 13;
constexpr double kGapDepth = 20;
/// Steps along the row of houses a ray above the roofs may take before it counts as sky.
constexpr int kMaxSteps = 12;

struct Ray {
  Vec3 origin;
  Vec3 direction;
  [[nodiscard]] Vec3 at(double t) const { return origin + direction * t; }
};

struct Hit {
  Surface surface;
  Vec3 normal;
  double distance = kFar;
};

class Tracer {
 public:
  Tracer(const Layout& layout, const Illumination& illumination, double focal_px)
      : layout_(layout), illumination_(illumination), light_(illumination.light()), pixel_(1 / focal_px) {}

  /// \param mirrors  How often a wet road may still reflect.
  Rgb color(const Ray& ray, int mirrors, std::uint16_t& kind) const {
    const Hit hit = trace(ray);
    kind = hit.surface.kind;
    if (hit.surface.kind == kSky) {
      return sky_color(ray.direction, light_, layout_.seed);
    }
    const Vec3 point = ray.at(hit.distance);
    const Rgb lamps = illumination_.lamps_at(point);
    const bool sunny = light_.sun_light.r > 0 && !illumination_.in_shadow(point);
    const bool ground = hit.normal.z > 0.5;
    Rgb albedo = hit.surface.color;
    albedo = ground && light_.wet ? albedo * 0.62 : albedo;
    Rgb color = albedo * illumination_.on(hit.normal, lamps, sunny ? 1 : 0) + hit.surface.glow;
    if (ground && light_.wet && mirrors > 0) {
      color = wet(ray, point, color, mirrors);
    }
    return mix(color, light_.haze, light_.haze_at(hit.distance));
  }

 private:
  /// Puddles and ripples bend the mirror image; flat angles reflect more (Schlick's approximation for water).
  Rgb wet(const Ray& ray, const Vec3& point, const Rgb& dry, int mirrors) const {
    const double puddle = smooth_step(0.35, 0.75, noise(point.x * 0.5, point.y * 0.22, layout_.seed ^ 77U));
    const double rough = 0.10 - 0.07 * puddle;
    const double sway = noise(point.x * 9, point.y * 9, layout_.seed ^ 78U) - 0.5;
    const double roll = noise(point.x * 9, point.y * 9, layout_.seed ^ 79U) - 0.5;
    const Vec3 bounced =
        normalised({ray.direction.x + rough * sway, ray.direction.y + rough * roll, -ray.direction.z + rough * roll});
    const double grazing = 1 - clamp01(bounced.z);
    const double share = 0.05 + (0.35 + 0.4 * puddle) * grazing * grazing * grazing * grazing;
    std::uint16_t ignored = 0;
    return mix(dry, color({point + Vec3{0, 0, 0.01}, bounced}, mirrors - 1, ignored), share);
  }

  Hit trace(const Ray& ray) const {
    const double ground = ray.direction.z < -1e-9 ? -ray.origin.z / ray.direction.z : kFar;
    const int side = ray.direction.x > 0 ? 1 : 0;
    const double wall_x = side == 1 ? layout_.facade[1] : -layout_.facade[0];
    const double wall =
        std::fabs(ray.direction.x) > 1e-9 ? std::max(0.0, (wall_x - ray.origin.x) / ray.direction.x) : kFar;
    const double end_y = ray.direction.y > 0 ? kStreetEnd + 25 : kStreetBegin - 25;
    const double end =
        std::fabs(ray.direction.y) > 1e-9 ? std::max(0.0, (end_y - ray.origin.y) / ray.direction.y) : kFar;
    if (ground <= wall && ground <= end) {
      return on_ground(ray, ground);
    }
    if (wall <= end) {
      return at_houses(ray, side, wall, ground);
    }
    return at_end(ray, end);
  }

  Hit on_ground(const Ray& ray, double t) const {
    const Vec3 point = ray.at(t);
    const double footprint = t * pixel_ / std::max(0.05, -ray.direction.z);
    return {ground_surface(layout_, point.x, point.y, footprint), {0, 0, 1}, t};
  }

  Hit at_end(const Ray& ray, double t) const {
    const Vec3 point = ray.at(t);
    const auto block = static_cast<int>(std::floor(point.x / 16));
    const double height = 8 + 14 * hash_unit(block, 1, layout_.seed);
    if (point.z > height) {
      const Surface trees = hedge_surface(point.x * 0.6, point.z - height, layout_.seed ^ 21U);
      return {trees, {0, -1, 0}, trees.kind == kSky ? kFar : t};
    }
    Building house = layout_.buildings[0][static_cast<std::size_t>(block & 3)];
    house.y0 = 0;
    house.y1 = 16;
    house.height = height;
    return {facade_surface(house, point.x - block * 16, point.z, t * pixel_, light_), {0, -1, 0}, t};
  }

  Hit at_houses(const Ray& ray, int side, double wall, double ground) const {
    const auto& houses = layout_.buildings[static_cast<std::size_t>(side)];
    const Vec3 entry = ray.at(wall);
    const Vec3 front{side == 1 ? -1.0 : 1.0, 0, 0};
    int index = building_at(houses, entry.y);
    const Building& first = houses[static_cast<std::size_t>(index)];
    if (entry.z < first.height) {
      return {facade_surface(first, entry.y - first.y0, entry.z, wall * pixel_, light_), front, wall};
    }
    const double into = std::fabs(ray.direction.x);
    const double back = wall + kGapDepth / std::max(into, 1e-9);
    const int step = ray.direction.y > 0 ? 1 : -1;
    for (int i = 0; i < kMaxSteps; ++i) {
      const Building& here = houses[static_cast<std::size_t>(index)];
      const double border = step > 0 ? here.y1 : here.y0;
      const double t = std::fabs(ray.direction.y) > 1e-9 ? (border - ray.origin.y) / ray.direction.y : kFar;
      if (here.height == 0 && ground < std::min(t, back)) {
        return on_ground(ray, ground);
      }
      if (here.height == 0 && back < t) {
        const Vec3 point = ray.at(back);
        const Surface hedge = hedge_surface(point.y, point.z, here.seed);
        return {hedge, front, hedge.kind == kSky ? kFar : back};
      }
      const double depth = (t - wall) * into;
      index += step;
      if (index < 0 || index >= static_cast<int>(houses.size()) || depth > kGapDepth || t >= kFar) {
        break;
      }
      const Building& next = houses[static_cast<std::size_t>(index)];
      const double z = ray.at(t).z;
      if (depth < kHouseDepth && z < next.height) {
        return {side_wall_surface(next, depth, z), {0, step > 0 ? -1.0 : 1.0, 0}, t};
      }
    }
    return {{{}, {}, kSky}, {}, kFar};
  }

  const Layout& layout_;
  const Illumination& illumination_;
  const Light& light_;
  double pixel_;  ///< Metres a pixel covers at one metre's distance.
};

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5); }

}  // namespace

void draw_background(Canvas& canvas, const Camera& camera, const Layout& layout, const Illumination& illumination) {
  const Tracer tracer(layout, illumination, camera.focal_px);
  constexpr std::array<Px, 4> kSamples = {{{0.375, 0.125}, {0.875, 0.375}, {0.125, 0.625}, {0.625, 0.875}}};
  for (int y = 0; y < canvas.height_px; ++y) {
    for (int x = 0; x < canvas.width_px; ++x) {
      Rgb sum;
      std::uint16_t kind = kVoid;
      for (const Px& sample : kSamples) {
        const Ray ray{camera.position, camera.ray(x + sample.x, y + sample.y)};
        const Rgb color = tracer.color(ray, 1, kind);
        sum = sum + Rgb{std::min(color.r, 255.0), std::min(color.g, 255.0), std::min(color.b, 255.0)};
      }
      const std::size_t at = canvas.at(x, y);
      canvas.r[at] = to_byte(sum.r / 4);
      canvas.g[at] = to_byte(sum.g / 4);
      canvas.b[at] = to_byte(sum.b / 4);
      canvas.id[at] = kind;
    }
  }
}

}  // namespace fovea::street
