// Draws one thing made of faces, limbs and balls in its own coordinates: projection, shading, haze and extent.
#pragma once

#include <limits>
#include <span>

#include "vision/street/light.hpp"
#include "vision/street/raster.hpp"

namespace fovea::street {

/// Where a thing stands and what light falls on it. Local coordinates: x to its right, y ahead, z up.
struct Placement {
  Vec3 position;
  double ahead_x = 0;  ///< Unit vector of its direction on the ground.
  double ahead_y = 1;

  [[nodiscard]] Vec3 to_world(const Vec3& local) const {
    return {position.x + local.x * ahead_y + local.y * ahead_x, position.y - local.x * ahead_x + local.y * ahead_y,
            position.z + local.z};
  }
};

/// Extent in canvas pixels, grown by every part drawn.
struct Extent {
  double left = std::numeric_limits<double>::max();
  double top = std::numeric_limits<double>::max();
  double right = std::numeric_limits<double>::lowest();
  double bottom = std::numeric_limits<double>::lowest();

  void add(Px p, double radius) {
    left = std::min(left, p.x - radius);
    right = std::max(right, p.x + radius);
    top = std::min(top, p.y - radius);
    bottom = std::max(bottom, p.y + radius);
  }
  [[nodiscard]] bool empty() const { return right <= left || bottom <= top; }
};

class Sketch {
 public:
  /// \param id  Written to the id buffer; 0 writes none.
  Sketch(Raster& raster, const Camera& camera, const Illumination& illumination, const Placement& place,
         std::uint16_t id);

  /// Draws the thing's mirror image on a wet road instead: `alpha` of kOpaque, no ids.
  void set_mirror(int alpha);

  /// A flat polygon of a convex part around `inside`; drawn if its outer side faces the camera. Returns whether it was.
  bool face(std::span<const Vec3> corners, const Vec3& inside, const Rgb& color, double gloss = 0);
  /// As face(), for lit parts: the colour is shown as it is.
  bool lit_face(std::span<const Vec3> corners, const Vec3& inside, const Rgb& light);
  /// A rounded stroke between two joints, radii in metres.
  void limb(const Vec3& from, const Vec3& to, double radius_from, double radius_to, const Rgb& color);
  void ball(const Vec3& centre, double radius, const Rgb& color);
  /// A ring of the given outer and inner radius in the plane spanned by `u` and `v`, unit vectors.
  void ring(const Vec3& centre, const Vec3& u, const Vec3& v, double outer, double inner, const Rgb& color);
  /// A disc in the plane of `u` and `v`, without culling.
  void disc(const Vec3& centre, const Vec3& u, const Vec3& v, double radius, const Rgb& color);
  /// Light around a lamp.
  void glow(const Vec3& centre, double radius, const Rgb& light);

  [[nodiscard]] const Extent& extent() const { return extent_; }
  /// Pixels a metre takes at the thing's position; 0 behind the camera.
  [[nodiscard]] double scale() const { return scale_; }
  /// Camera position in local coordinates.
  [[nodiscard]] Vec3 eye() const;
  [[nodiscard]] const Light& light() const { return illumination_.light(); }

 private:
  [[nodiscard]] Vec3 view_of(const Vec3& local) const;
  [[nodiscard]] Rgb shade(const Rgb& color, const Vec3& world_normal, double gloss) const;
  void fill(std::span<const Px> corners, const Rgb& color);
  bool polygon(std::span<const Vec3> corners, const Vec3& inside, const Rgb& color, double gloss, bool lit);

  Raster& raster_;
  const Camera& camera_;
  const Illumination& illumination_;
  Placement place_;
  std::uint16_t id_;
  int alpha_ = kOpaque;
  bool mirror_ = false;
  Rgb lamps_;
  double sun_share_ = 1;
  double haze_ = 0;
  double scale_ = 0;
  Extent extent_;
};

/// Darkens the ground under and beside a box standing there: its shadow from the sun, or its contact shadow.
/// \param half_x, half_y, height  Of the box in local metres.
void draw_shadow(Raster& raster, const Camera& camera, const Illumination& illumination, const Placement& place,
                 double half_x, double half_y, double height, Extent& extent);

/// Fills a polygon lying on the ground, given in world coordinates.
void fill_ground(Raster& raster, const Camera& camera, std::span<const Vec3> corners, Paint paint, Extent& extent);

}  // namespace fovea::street
