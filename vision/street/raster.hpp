// The street's drawing surface: polygons with exact area coverage, glows, and an id per pixel.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vision/street/math.hpp"

namespace fovea::street {

/// Values below kFirstItem in the id buffer are semantic classes (see street.hpp); items of the frame follow.
inline constexpr std::uint16_t kFirstItem = 32;

/// Planar RGB with an id per pixel.
struct Canvas {
  Canvas(int width, int height) : width_px(width), height_px(height), r(size()), g(size()), b(size()), id(size()) {}
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(width_px) * height_px; }
  [[nodiscard]] std::size_t at(int x, int y) const { return static_cast<std::size_t>(y) * width_px + x; }
  [[nodiscard]] Rect bounds() const { return {0, 0, width_px, height_px}; }

  int width_px;
  int height_px;
  std::vector<std::uint8_t> r;
  std::vector<std::uint8_t> g;
  std::vector<std::uint8_t> b;
  std::vector<std::uint16_t> id;
};

inline constexpr int kOpaque = 128;

/// How a polygon is filled.
struct Paint {
  Rgb color;
  int alpha = kOpaque;       ///< 0…kOpaque.
  std::uint16_t id = 0;      ///< Written where at least a third of the pixel is covered; 0 leaves the ids.
  bool ground_only = false;  ///< Draws only on pixels whose id is a ground class: shadows, reflections.
  bool add = false;          ///< Adds light instead of covering.
};

/// Fills polygons on one canvas. Not thread-safe.
class Raster {
 public:
  explicit Raster(Canvas& canvas) : canvas_(canvas) {}

  /// Hides pixels: where `layer` (one byte a canvas pixel) is k and `hides[k]` (256 entries) is not 0, nothing is
  /// drawn. Borrowed until the next call; nullptr draws everywhere.
  void set_stencil(const std::uint8_t* layer, const std::uint8_t* hides) {
    stencil_layer_ = layer;
    stencil_hides_ = hides;
  }

  /// Also writes `mark` into `shape` (one entry a canvas pixel) wherever paint with an id goes, hidden or not.
  /// Borrowed until the next call; nullptr stops it.
  void set_shape(std::uint16_t* shape, std::uint16_t mark) {
    shape_ = shape;
    shape_mark_ = mark;
  }

  /// Fills by non-zero winding of a polygon without self-overlap. Holes are cut by winding the other way round and
  /// joining with a pair of edges that cancel out. Returns the touched rectangle.
  Rect fill(std::span<const Px> corners, const Paint& paint);

  /// Adds light falling off to zero at the ellipse with the half axes `a` and `b`.
  Rect glow(Px centre, Px a, Px b, const Rgb& light, bool ground_only);

  /// The smallest rectangle around everything drawn since the last call.
  Rect take_touched() { return std::exchange(touched_, {}); }

 private:
  /// Columns of a row that a polygon's edges reach, relative to its area.
  struct Span {
    int begin = 0;
    int end = 0;
  };

  Rect touch(const Rect& area);
  void accumulate(Px from, Px to, const Rect& area);
  /// Takes the coverage away where the stencil hides or, if asked, where no ground is.
  void mask_row(std::size_t at, int width, bool ground_only);
  void draw_row(int y, const Rect& area, const Paint& paint);

  Canvas& canvas_;
  Rect touched_;
  const std::uint8_t* stencil_layer_ = nullptr;
  const std::uint8_t* stencil_hides_ = nullptr;
  std::uint16_t* shape_ = nullptr;
  std::uint16_t shape_mark_ = 0;
  std::vector<float> deltas_;           ///< Changes of coverage along each row of the area, width + 2 a row.
  std::vector<Span> spans_;             ///< One a row of the area.
  std::vector<std::int16_t> coverage_;  ///< Of one row, 0…kOpaque.
};

}  // namespace fovea::street
