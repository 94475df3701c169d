// Boxes, points and the map between a frame and what a network sees of it.
#pragma once

#include <algorithm>

namespace fovea {

/// A rectangle in normalised frame coordinates: [0,1] over the frame's width and height, origin top left.
/// May reach outside [0,1] until clipped.
struct Box {
  float x = 0;  ///< Left.
  float y = 0;  ///< Top.
  float width = 0;
  float height = 0;

  [[nodiscard]] float right() const { return x + width; }
  [[nodiscard]] float bottom() const { return y + height; }
  [[nodiscard]] float area() const { return std::max(width, 0.0F) * std::max(height, 0.0F); }
  bool operator==(const Box&) const = default;
};

/// The part of `box` inside the frame; empty (at the nearest border) when it lies outside. NaN stays NaN.
Box clip(const Box& box);

/// Intersection over union in [0,1]; 0 when either is empty.
float iou(const Box& a, const Box& b);

struct Point {
  float x = 0;
  float y = 0;
  bool operator==(const Point&) const = default;
};

/// Where a network's input picture lies in the frame: frame = offset + input · scale, per axis, with `input` normalised
/// to the network's input size. Letterbox borders lie outside the region.
struct Mapping {
  float offset_x = 0;
  float offset_y = 0;
  float scale_x = 1;
  float scale_y = 1;

  [[nodiscard]] Box to_frame(const Box& box) const {
    return {offset_x + box.x * scale_x, offset_y + box.y * scale_y, box.width * scale_x, box.height * scale_y};
  }
  [[nodiscard]] Point to_frame(const Point& point) const {
    return {offset_x + point.x * scale_x, offset_y + point.y * scale_y};
  }
};

}  // namespace fovea
