// Puts the scene together: the background once, then every frame the moving things in front of it, and the truth.
#pragma once

#include <vector>

#include "vision/street/figures.hpp"
#include "vision/street/street.hpp"
#include "vision/street/traffic.hpp"

namespace fovea::street {

/// Axis-parallel footprint on the ground, for deciding who hides whom.
struct Footprint {
  double x0 = 0;
  double x1 = 0;
  double y0 = 0;
  double y1 = 0;
  double distance = 0;  ///< Camera to middle.
};

/// Whether `a` can hide `b` from a camera at `eye`. Exact where a plane parallel to x or y separates them.
bool in_front(const Footprint& a, const Footprint& b, const Vec3& eye);

/// Anything with an id in the frame: a moving thing or a parked vehicle.
struct Item {
  std::uint64_t id = 0;
  std::uint16_t slot = 0;  ///< In the id buffer.
  std::uint16_t kind = 0;  ///< StreetClass.
  const Vehicle* vehicle = nullptr;
  const Walker* walker = nullptr;
  const Thing* thing = nullptr;
  Placement place;
  Footprint footprint;
  double half_x = 0.3;  ///< Half extents in local coordinates.
  double half_y = 0.3;
  double height = 1.7;
  Rect reach;             ///< Of its bounding box in canvas pixels.
  Extent extent;          ///< Of what was drawn.
  long drawn_pixels = 0;  ///< In the frame, before others hid it.
};

inline constexpr int kTileWidth = 64;
inline constexpr int kTileHeight = 8;

/// Which tiles of the canvas differ from the background.
struct DirtyTiles {
  DirtyTiles(int width_px, int height_px)
      : columns((width_px + kTileWidth - 1) / kTileWidth),
        rows((height_px + kTileHeight - 1) / kTileHeight),
        marks(static_cast<std::size_t>(columns) * rows) {}

  void mark(const Rect& rect) {
    for (int y = rect.y0 / kTileHeight; y * kTileHeight < rect.y1; ++y) {
      for (int x = rect.x0 / kTileWidth; x * kTileWidth < rect.x1; ++x) {
        marks[static_cast<std::size_t>(y) * columns + x] = 1;
      }
    }
  }
  /// Whether it was marked; it no longer is.
  bool take(int x, int y) { return std::exchange(marks[static_cast<std::size_t>(y) * columns + x], 0) != 0; }

  int columns;
  int rows;
  std::vector<std::uint8_t> marks;
};

/// Draws one street. The canvas is larger than the frame by a margin on each side, for camera shake.
class Stage {
 public:
  Stage(const StreetSettings& settings, const Layout& layout, const Camera& camera, const Light& light, int margin_px);

  /// Draws the traffic's present state. `window` is the frame's part of the canvas.
  void draw(const Traffic& traffic, const Rect& window);

  [[nodiscard]] const Canvas& canvas() const { return canvas_; }
  /// Class of a value in the canvas's id buffer.
  [[nodiscard]] std::uint8_t class_of(std::uint16_t id) const;
  /// Visible things in the window of the last draw(), nearest first.
  [[nodiscard]] std::vector<StreetObject> truth() const;

 private:
  void draw_things(const Layout& layout);
  void draw_thing_shadow(const Thing& thing, const Placement& place);
  void restore();
  void collect(const Traffic& traffic);
  void add_item(Item item);
  void sort_items();
  void draw_item(Item& item);
  void draw_figure(Sketch& sketch, const Item& item);
  void draw_ground_light(const Item& item);
  [[nodiscard]] bool choose_stencil(const Item& item);
  /// In the window.
  [[nodiscard]] long count_pixels(const Item& item, const std::vector<std::uint16_t>& ids, std::uint16_t id) const;
  /// Shrinks or grows the reach to what was drawn.
  void set_extent(Item& item, const Extent& extent) const;
  /// A value no pixel of shape_ has.
  std::uint16_t next_mark();
  [[nodiscard]] Rect reach_of(const Item& item) const;

  struct Static {
    Footprint footprint;
    Rect reach;
  };

  Camera camera_;
  Light light_;
  Illumination illumination_;
  Canvas background_;
  std::vector<std::uint8_t> layer_;  ///< A canvas pixel's thing: index into statics_ + 1, or 0.
  std::vector<Static> statics_;
  std::vector<Item> parked_;
  Canvas canvas_;
  Raster raster_;
  DirtyTiles dirty_;
  std::vector<std::uint16_t> shape_;  ///< What items would cover if no still thing stood before them.
  std::uint16_t mark_ = 0;
  std::vector<Item> items_;  ///< Parked vehicles first, then moving things, far to near.
  Rect window_;
  std::array<std::uint8_t, 256> hides_{};
};

}  // namespace fovea::street
