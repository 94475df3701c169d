// Box arithmetic in normalised coordinates.
#include "vision/geometry.hpp"

#include <cmath>

namespace fovea {

Box clip(const Box& box) {
  const float left = std::clamp(box.x, 0.0F, 1.0F);
  const float top = std::clamp(box.y, 0.0F, 1.0F);
  const float right = std::clamp(box.right(), left, 1.0F);
  const float bottom = std::clamp(box.bottom(), top, 1.0F);
  return {left, top, right - left, bottom - top};
}

float iou(const Box& a, const Box& b) {
  const float width = std::min(a.right(), b.right()) - std::max(a.x, b.x);
  const float height = std::min(a.bottom(), b.bottom()) - std::max(a.y, b.y);
  const float overlap = std::max(width, 0.0F) * std::max(height, 0.0F);
  const float joint = a.area() + b.area() - overlap;
  // min and max drop a NaN operand, so it is looked for where it cannot hide.
  if (!std::isfinite(a.right() + a.bottom() + b.right() + b.bottom()) || !(joint > 0) || !std::isfinite(joint)) {
    return 0;
  }
  return std::min(overlap / joint, 1.0F);
}

}  // namespace fovea
