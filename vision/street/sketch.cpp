#include "vision/street/sketch.hpp"

namespace fovea::street {
namespace {

constexpr std::size_t kMaxCorners = 40;

/// Points on a circle by eighths and their halves; sixteen are enough for anything below 100 pixels.
struct Circle {
  std::array<Px, 16> points{};
  Circle() {
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double angle = static_cast<double>(i) * kPi / 8;
      points[i] = {cosine(angle), sine(angle)};
    }
  }
};

const std::array<Px, 16>& circle() {
  static const Circle instance;
  return instance.points;
}

/// Corners in view coordinates cut at the near plane (Sutherland–Hodgman) and projected.
struct Outline {
  std::array<Px, kMaxCorners> points;
  std::size_t count = 0;

  void add(Px p) {
    if (count < points.size()) {
      points[count++] = p;
    }
  }
  [[nodiscard]] std::span<const Px> span() const { return {points.data(), count}; }
};

Outline clipped_outline(const Camera& camera, std::span<const Vec3> view) {
  Outline outline;
  for (std::size_t i = 0; i < view.size(); ++i) {
    const Vec3& a = view[i];
    const Vec3& b = view[i + 1 == view.size() ? 0 : i + 1];
    if (a.z >= kNear) {
      outline.add(camera.project(a));
    }
    if ((a.z >= kNear) != (b.z >= kNear)) {
      outline.add(camera.project(mix(a, b, (kNear - a.z) / (b.z - a.z))));
    }
  }
  return outline;
}

}  // namespace

Sketch::Sketch(Raster& raster, const Camera& camera, const Illumination& illumination, const Placement& place,
               std::uint16_t id)
    : raster_(raster), camera_(camera), illumination_(illumination), place_(place), id_(id) {
  const Vec3 middle = place.position + Vec3{0, 0, 1};
  const Vec3 view = camera.to_view(middle);
  scale_ = view.z > kNear ? camera.focal_px / view.z : 0;
  lamps_ = illumination.lamps_at(middle);
  sun_share_ = illumination.light().sun_light.r > 0 && illumination.in_shadow(middle) ? 0 : 1;
  haze_ = illumination.light().haze_at(length(middle - camera.position));
}

void Sketch::set_mirror(int alpha) {
  mirror_ = true;
  alpha_ = alpha;
  id_ = 0;
}

Vec3 Sketch::view_of(const Vec3& local) const {
  Vec3 world = place_.to_world(local);
  world.z = mirror_ ? -world.z : world.z;
  return camera_.to_view(world);
}

Vec3 Sketch::eye() const {
  const Vec3 d = camera_.position - place_.position;
  return {d.x * place_.ahead_y - d.y * place_.ahead_x, d.x * place_.ahead_x + d.y * place_.ahead_y, d.z};
}

Rgb Sketch::shade(const Rgb& color, const Vec3& world_normal, double gloss) const {
  Rgb shaded = color * illumination_.on(world_normal, lamps_, sun_share_);
  shaded = shaded + light().sky_top * (gloss * std::max(0.0, world_normal.z));
  return mix(shaded, light().haze, haze_);
}

void Sketch::fill(std::span<const Px> corners, const Rgb& color) {
  raster_.fill(corners, {.color = color, .alpha = alpha_, .id = id_, .ground_only = mirror_});
}

bool Sketch::polygon(std::span<const Vec3> corners, const Vec3& inside, const Rgb& color, double gloss, bool lit) {
  std::array<Vec3, kMaxCorners> view;
  const std::size_t count = std::min(corners.size(), view.size());
  for (std::size_t i = 0; i < count; ++i) {
    view[i] = view_of(corners[i]);
  }
  // Newell's normal: right for any planar polygon, also with collinear corners.
  Vec3 normal;
  for (std::size_t i = 0; i < count; ++i) {
    normal = normal + cross(view[i], view[i + 1 == count ? 0 : i + 1]);
  }
  normal = normalised(normal);
  normal = dot(normal, view[0] - view_of(inside)) < 0 ? normal * -1 : normal;
  if (dot(normal, view[0]) >= 0) {
    return false;
  }
  const Outline outline = clipped_outline(camera_, {view.data(), count});
  if (outline.count < 3) {
    return false;
  }
  for (const Px& p : outline.span()) {
    extent_.add(p, 0);
  }
  const Vec3 world = camera_.right * normal.x + camera_.up * normal.y + camera_.forward * normal.z;
  fill(outline.span(), lit ? color : shade(color, mirror_ ? Vec3{world.x, world.y, -world.z} : world, gloss));
  return true;
}

bool Sketch::face(std::span<const Vec3> corners, const Vec3& inside, const Rgb& color, double gloss) {
  return polygon(corners, inside, color, gloss, false);
}

bool Sketch::lit_face(std::span<const Vec3> corners, const Vec3& inside, const Rgb& light) {
  return polygon(corners, inside, light, 0, true);
}

void Sketch::limb(const Vec3& from, const Vec3& to, double radius_from, double radius_to, const Rgb& color) {
  const Vec3 a = view_of(from);
  const Vec3 b = view_of(to);
  if (a.z < kNear || b.z < kNear) {
    return;
  }
  const Px pa = camera_.project(a);
  const Px pb = camera_.project(b);
  const double ra = radius_from * camera_.focal_px / a.z;
  const double rb = radius_to * camera_.focal_px / b.z;
  extent_.add(pa, ra);
  extent_.add(pb, rb);
  double dx = pb.x - pa.x;
  double dy = pb.y - pa.y;
  const double size = std::sqrt(dx * dx + dy * dy);
  dx = size > 1e-9 ? dx / size : 1;
  dy = size > 1e-9 ? dy / size : 0;
  // Half a circle around each end; small ones need fewer corners.
  const std::size_t step = std::max(ra, rb) > 4 ? 1 : 2;
  std::array<Px, 20> corners;
  std::size_t count = 0;
  const auto& points = circle();
  for (std::size_t i = 0; i <= 8; i += step) {  // from +90° over 180° to 270° of the stroke's direction
    const Px& p = points[(i + 4) % 16];
    corners[count++] = {pa.x + ra * (p.x * dx - p.y * dy), pa.y + ra * (p.x * dy + p.y * dx)};
  }
  for (std::size_t i = 0; i <= 8; i += step) {
    const Px& p = points[(i + 12) % 16];
    corners[count++] = {pb.x + rb * (p.x * dx - p.y * dy), pb.y + rb * (p.x * dy + p.y * dx)};
  }
  // A stroke shows the light of the side that faces the camera: half from above, half from the front.
  const Vec3 normal = normalised(camera_.forward * -0.7 + Vec3{0, 0, 0.5});
  fill({corners.data(), count}, shade(color, normal, 0));
}

void Sketch::ball(const Vec3& centre, double radius, const Rgb& color) { limb(centre, centre, radius, radius, color); }

void Sketch::ring(const Vec3& centre, const Vec3& u, const Vec3& v, double outer, double inner, const Rgb& color) {
  std::array<Px, 34> corners;
  const auto& points = circle();
  for (std::size_t i = 0; i <= 16; ++i) {
    const Px& p = points[i % 16];
    const Vec3 far = view_of(centre + u * (p.x * outer) + v * (p.y * outer));
    const Vec3 near = view_of(centre + u * (p.x * inner) + v * (p.y * inner));
    if (far.z < kNear || near.z < kNear) {
      return;
    }
    corners[i] = camera_.project(far);
    corners[33 - i] = camera_.project(near);
    extent_.add(corners[i], 0);
  }
  fill(corners, shade(color, normalised(camera_.forward * -1), 0));
}

void Sketch::disc(const Vec3& centre, const Vec3& u, const Vec3& v, double radius, const Rgb& color) {
  std::array<Px, 16> corners;
  const auto& points = circle();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Vec3 rim = view_of(centre + u * (points[i].x * radius) + v * (points[i].y * radius));
    if (rim.z < kNear) {
      return;
    }
    corners[i] = camera_.project(rim);
    extent_.add(corners[i], 0);
  }
  fill(corners, shade(color, normalised(camera_.forward * -1), 0));
}

void Sketch::glow(const Vec3& centre, double radius, const Rgb& light) {
  const Vec3 view = view_of(centre);
  if (view.z < kNear) {
    return;
  }
  const double size = radius * camera_.focal_px / view.z;
  const Px wide{mirror_ ? size * 0.7 : size, 0};
  const Px high{0, mirror_ ? size * 3 : size};
  raster_.glow(camera_.project(view), wide, high, mirror_ ? light * 0.5 : light, mirror_);
}

void fill_ground(Raster& raster, const Camera& camera, std::span<const Vec3> corners, Paint paint, Extent& extent) {
  std::array<Vec3, kMaxCorners> view;
  const std::size_t count = std::min(corners.size(), view.size());
  for (std::size_t i = 0; i < count; ++i) {
    view[i] = camera.to_view(corners[i]);
  }
  const Outline outline = clipped_outline(camera, {view.data(), count});
  for (const Px& p : outline.span()) {
    extent.add(p, 0);
  }
  paint.ground_only = true;
  if (outline.count >= 3) {
    raster.fill(outline.span(), paint);
  }
}

namespace {

/// Convex hull by Andrew's monotone chain, counter-clockwise; z is ignored.
std::size_t convex_hull(std::span<Vec3> points, std::span<Vec3> hull) {
  std::ranges::sort(points, [](const Vec3& a, const Vec3& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
  std::size_t count = 0;
  const auto turn = [](const Vec3& o, const Vec3& a, const Vec3& b) {
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  };
  for (const Vec3& p : points) {
    while (count >= 2 && turn(hull[count - 2], hull[count - 1], p) <= 0) {
      --count;
    }
    hull[count++] = p;
  }
  const std::size_t lower = count + 1;
  for (std::size_t i = points.size() - 1; i-- > 0;) {
    while (count >= lower && turn(hull[count - 2], hull[count - 1], points[i]) <= 0) {
      --count;
    }
    hull[count++] = points[i];
  }
  return count - 1;
}

}  // namespace

void draw_shadow(Raster& raster, const Camera& camera, const Illumination& illumination, const Placement& place,
                 double half_x, double half_y, double height, Extent& extent) {
  const Light& light = illumination.light();
  const Paint dark{.color = {8, 9, 14}};
  const bool sunny = light.sun_light.r > 0 && !illumination.in_shadow(place.position);
  std::array<Vec3, 16> ground;
  for (const double grow : {1.25, 1.0, 0.8}) {  // contact: soft by three steps
    std::size_t count = 0;
    for (const Px& p : circle()) {
      // A superellipse: between the footprint's rectangle and its ellipse.
      const double bulge = 1 + 0.3 * std::fabs(p.x * p.y) * 2;
      ground[count++] = place.to_world({p.x * half_x * grow * bulge, p.y * half_y * grow * bulge, 0});
    }
    Paint paint = dark;
    paint.alpha = kOpaque * 13 / 100;
    fill_ground(raster, camera, ground, paint, extent);
  }
  if (!sunny) {
    return;
  }
  const double shift = std::min(height / light.sun.z, 25.0);
  std::array<Vec3, 8> box;
  std::size_t count = 0;
  for (const double x : {-half_x, half_x}) {
    for (const double y : {-half_y, half_y}) {
      const Vec3 foot = place.to_world({x, y, 0});
      const Vec3 top = place.to_world({x * 0.85, y * 0.8, 0}) - Vec3{light.sun.x * shift, light.sun.y * shift, 0};
      box[count++] = {foot.x, foot.y, 0};
      box[count++] = {top.x, top.y, 0};
    }
  }
  std::array<Vec3, 17> hull;
  const std::size_t corners = convex_hull(box, hull);
  Paint paint = dark;
  paint.alpha = static_cast<int>(kOpaque * std::min(0.5, 0.75 * light.sun_light.r));
  fill_ground(raster, camera, {hull.data(), corners}, paint, extent);
}

}  // namespace fovea::street
