// Coverage is accumulated as signed area differences along rows, the way font rasterisers do it; one pass over the
// edges and one over the pixels.
#include "vision/street/raster.hpp"

#include "vision/street/pixel_loops.hpp"

namespace fovea::street {
namespace {

/// Classes 1…4 lie on the ground: road, mark, pavement, terrain.
constexpr std::uint16_t kLastGround = 4;
/// Coverage from which a pixel gets an id. A third, not half: wheels and limbs of far things are thinner than a pixel.
constexpr int kMarked = kOpaque / 3;
/// Projections beyond this are behind the near plane or absurd; nothing sensible can be drawn.
constexpr double kMaxCoordinate = 1e6;

FOVEA_STREET_LOOP void blend_row(std::uint8_t* plane, const std::int16_t* coverage, int count, double value) {
  const auto color = static_cast<std::int16_t>(std::clamp(value, 0.0, 255.0) + 0.5);
  for (int i = 0; i < count; ++i) {
    const auto difference = static_cast<std::int16_t>(color - plane[i]);
    const auto step = static_cast<std::int16_t>(static_cast<std::int16_t>(difference * coverage[i] + 64) >> 7);
    plane[i] = static_cast<std::uint8_t>(plane[i] + step);
  }
}

FOVEA_STREET_LOOP void add_row(std::uint8_t* plane, const std::int16_t* coverage, int count, double value) {
  const auto color = static_cast<std::int16_t>(std::clamp(value, 0.0, 255.0));
  for (int i = 0; i < count; ++i) {
    const auto step = static_cast<std::int16_t>(static_cast<std::int16_t>(color * coverage[i]) >> 7);
    plane[i] = static_cast<std::uint8_t>(std::min(plane[i] + step, 255));
  }
}

/// Keeps the coverage of ground pixels only.
FOVEA_STREET_LOOP void keep_ground(const std::uint16_t* id, std::int16_t* coverage, int count) {
  for (int i = 0; i < count; ++i) {
    const bool ground = static_cast<std::uint16_t>(id[i] - 1) < kLastGround;
    coverage[i] = ground ? coverage[i] : static_cast<std::int16_t>(0);
  }
}

FOVEA_STREET_LOOP void write_ids(std::uint16_t* id, const std::int16_t* coverage, int count, std::uint16_t value) {
  for (int i = 0; i < count; ++i) {
    id[i] = coverage[i] >= kMarked ? value : id[i];
  }
}

/// One row of a glow: (u, v) starts at the row's first pixel and grows by (du, dv) a pixel; the ellipse is u² + v² < 1.
FOVEA_STREET_LOOP void glow_row(float u0, float v0, float du, float dv, int count, std::int16_t* coverage) {
  for (int i = 0; i < count; ++i) {
    const float u = u0 + du * static_cast<float>(i);
    const float v = v0 + dv * static_cast<float>(i);
    const float left = std::max(0.0F, 1 - u * u - v * v);
    coverage[i] = static_cast<std::int16_t>(static_cast<int>(left * left * left * kOpaque));
  }
}

}  // namespace

FOVEA_STREET_LOOP int count_ids(const std::uint16_t* ids, int count, std::uint16_t wanted) {
  std::uint16_t sum = 0;
  for (int i = 0; i < count; ++i) {
    sum = static_cast<std::uint16_t>(sum + (ids[i] == wanted ? 1 : 0));
  }
  return sum;
}

Rect Raster::touch(const Rect& area) {
  touched_ = touched_.empty() ? area
                              : Rect{std::min(touched_.x0, area.x0), std::min(touched_.y0, area.y0),
                                     std::max(touched_.x1, area.x1), std::max(touched_.y1, area.y1)};
  return area;
}

void Raster::accumulate(Px from, Px to, const Rect& area) {
  const float direction = from.y < to.y ? 1.0F : -1.0F;
  const Px& upper = from.y < to.y ? from : to;
  const Px& lower = from.y < to.y ? to : from;
  const auto width = static_cast<float>(area.x1 - area.x0);
  const auto y0 = static_cast<float>(upper.y - area.y0);
  const auto y1 = static_cast<float>(lower.y - area.y0);
  if (!(y1 > y0)) {
    return;
  }
  const auto slope = static_cast<float>((lower.x - upper.x) / (lower.y - upper.y));
  auto x = static_cast<float>(upper.x - area.x0);
  x -= y0 < 0 ? y0 * slope : 0;
  const int first = std::max(0, static_cast<int>(y0));
  const int last = std::min(area.y1 - area.y0, static_cast<int>(std::ceil(y1)));
  for (int y = first; y < last; ++y) {
    float* row = deltas_.data() + static_cast<std::ptrdiff_t>(y) * (area.x1 - area.x0 + 2);
    const float height = std::min(static_cast<float>(y + 1), y1) - std::max(static_cast<float>(y), y0);
    const float next = x + slope * height;
    const float amount = height * direction;
    const float left = std::clamp(std::min(x, next), 0.0F, width);
    const float right = std::clamp(std::max(x, next), 0.0F, width);
    x = next;
    const int begin = static_cast<int>(left);
    const int end = static_cast<int>(std::ceil(right));
    Span& span = spans_[static_cast<std::size_t>(y)];
    span.begin = std::min(span.begin, begin);
    span.end = std::max(span.end, std::max(end, begin + 1) + 1);
    const float offset = left - static_cast<float>(begin);
    if (end <= begin + 1) {
      const float middle = 0.5F * (left + right) - static_cast<float>(begin);
      row[begin] += amount - amount * middle;
      row[begin + 1] += amount * middle;
      continue;
    }
    const float share = 1 / (right - left);
    const float head = 0.5F * share * (1 - offset) * (1 - offset);
    const float rest = right - static_cast<float>(end) + 1;
    const float tail = 0.5F * share * rest * rest;
    row[begin] += amount * head;
    if (end == begin + 2) {
      row[begin + 1] += amount * (1 - head - tail);
    } else {
      const float second = share * (1.5F - offset);
      row[begin + 1] += amount * (second - head);
      for (int i = begin + 2; i < end - 1; ++i) {
        row[i] += amount * share;
      }
      row[end - 1] += amount * (1 - second - static_cast<float>(end - begin - 3) * share - tail);
    }
    row[end] += amount * tail;
  }
}

void Raster::mask_row(std::size_t at, int width, bool ground_only) {
  std::int16_t* coverage = coverage_.data();
  if (stencil_layer_ != nullptr) {
    const std::uint8_t* layer = stencil_layer_ + at;
    for (int i = 0; i < width; ++i) {
      coverage[i] = stencil_hides_[layer[i]] != 0 ? static_cast<std::int16_t>(0) : coverage[i];
    }
  }
  if (ground_only) {
    keep_ground(canvas_.id.data() + at, coverage, width);
  }
}

void Raster::draw_row(int y, const Rect& area, const Paint& paint) {
  const auto line = static_cast<std::size_t>(y - area.y0);
  const Span& span = spans_[line];
  const int width = std::min(span.end, area.x1 - area.x0) - span.begin;
  if (width <= 0) {
    return;
  }
  const float* row = deltas_.data() + line * static_cast<std::size_t>(area.x1 - area.x0 + 2) + span.begin;
  const auto scale = static_cast<float>(paint.alpha);
  std::int16_t* coverage = coverage_.data();
  float sum = 0;
  for (int i = 0; i < width; ++i) {
    sum += row[i];
    coverage[i] = static_cast<std::int16_t>(static_cast<int>(std::min(std::fabs(sum), 1.0F) * scale + 0.5F));
  }
  const std::size_t at = canvas_.at(area.x0 + span.begin, y);
  if (shape_ != nullptr && paint.id != 0) {
    write_ids(shape_ + at, coverage, width, shape_mark_);
  }
  mask_row(at, width, paint.ground_only);
  auto* const apply = paint.add ? add_row : blend_row;
  apply(canvas_.r.data() + at, coverage, width, paint.color.r);
  apply(canvas_.g.data() + at, coverage, width, paint.color.g);
  apply(canvas_.b.data() + at, coverage, width, paint.color.b);
  if (paint.id != 0) {
    write_ids(canvas_.id.data() + at, coverage, width, paint.id);
  }
}

Rect Raster::fill(std::span<const Px> corners, const Paint& paint) {
  double left = kMaxCoordinate;
  double top = kMaxCoordinate;
  double right = -kMaxCoordinate;
  double bottom = -kMaxCoordinate;
  for (const Px& corner : corners) {
    left = std::min(left, corner.x);
    right = std::max(right, corner.x);
    top = std::min(top, corner.y);
    bottom = std::max(bottom, corner.y);
  }
  if (!(left > -kMaxCoordinate && top > -kMaxCoordinate && right < kMaxCoordinate && bottom < kMaxCoordinate)) {
    return {};
  }
  const Rect area =
      intersection(canvas_.bounds(), {static_cast<int>(std::floor(left)), static_cast<int>(std::floor(top)),
                                      static_cast<int>(std::ceil(right)), static_cast<int>(std::ceil(bottom))});
  if (area.empty()) {
    return {};
  }
  const auto width = static_cast<std::size_t>(area.x1 - area.x0);
  deltas_.assign((width + 2) * static_cast<std::size_t>(area.y1 - area.y0), 0.0F);
  spans_.assign(static_cast<std::size_t>(area.y1 - area.y0), Span{area.x1 - area.x0, 0});
  coverage_.resize(std::max(coverage_.size(), width));
  for (std::size_t i = 0; i < corners.size(); ++i) {
    accumulate(corners[i], corners[i + 1 == corners.size() ? 0 : i + 1], area);
  }
  for (int y = area.y0; y < area.y1; ++y) {
    draw_row(y, area, paint);
  }
  return touch(area);
}

Rect Raster::glow(Px centre, Px a, Px b, const Rgb& light, bool ground_only) {
  const double reach_x = std::fabs(a.x) + std::fabs(b.x);
  const double reach_y = std::fabs(a.y) + std::fabs(b.y);
  const double area_px = a.x * b.y - a.y * b.x;
  if (!(std::fabs(centre.x) < kMaxCoordinate && std::fabs(centre.y) < kMaxCoordinate && reach_x < kMaxCoordinate &&
        reach_y < kMaxCoordinate && std::fabs(area_px) > 1e-3)) {
    return {};
  }
  const Rect area =
      intersection(canvas_.bounds(),
                   {static_cast<int>(std::floor(centre.x - reach_x)), static_cast<int>(std::floor(centre.y - reach_y)),
                    static_cast<int>(std::ceil(centre.x + reach_x)), static_cast<int>(std::ceil(centre.y + reach_y))});
  if (area.empty()) {
    return {};
  }
  const int width = area.x1 - area.x0;
  coverage_.resize(std::max(coverage_.size(), static_cast<std::size_t>(width)));
  const auto along_u = static_cast<float>(b.y / area_px);
  const auto along_v = static_cast<float>(-a.y / area_px);
  for (int y = area.y0; y < area.y1; ++y) {
    const double dx = area.x0 + 0.5 - centre.x;
    const double dy = y + 0.5 - centre.y;
    const auto u0 = static_cast<float>((dx * b.y - dy * b.x) / area_px);
    const auto v0 = static_cast<float>((dy * a.x - dx * a.y) / area_px);
    const std::size_t at = canvas_.at(area.x0, y);
    glow_row(u0, v0, along_u, along_v, width, coverage_.data());
    mask_row(at, width, ground_only);
    add_row(canvas_.r.data() + at, coverage_.data(), width, light.r);
    add_row(canvas_.g.data() + at, coverage_.data(), width, light.g);
    add_row(canvas_.b.data() + at, coverage_.data(), width, light.b);
  }
  return touch(area);
}

}  // namespace fovea::street
