#include "vision/street/stage.hpp"

#include "vision/street/background.hpp"
#include "vision/street/pixel_loops.hpp"
#include "vision/street/surface.hpp"

namespace fovea::street {
namespace {

/// Things beyond this have no stencil index left and are not drawn.
constexpr std::size_t kMaxStatics = 255;
/// Beyond this many metres things are a few pixels of haze.
constexpr double kSight = 145;

Footprint footprint_of(const Vec3& position, double half_x, double half_y, const Camera& camera) {
  const double dx = position.x - camera.position.x;
  const double dy = position.y - camera.position.y;
  return {position.x - half_x, position.x + half_x, position.y - half_y, position.y + half_y,
          std::sqrt(dx * dx + dy * dy + camera.position.z * camera.position.z)};
}

std::uint16_t class_of_thing(ThingKind kind) {
  switch (kind) {
    case ThingKind::kTree:
    case ThingKind::kBush:
      return kVegetation;
    case ThingKind::kLamp:
    case ThingKind::kSign:
    case ThingKind::kBollard:
      return kPole;
    default:
      return kFurniture;
  }
}

std::uint16_t class_of_vehicle(const VehicleLook& look) { return look.shape >= VehicleShape::kBox ? kTruck : kCar; }

}  // namespace

bool in_front(const Footprint& a, const Footprint& b, const Vec3& eye) {
  if (a.y1 <= b.y0) {
    return eye.y < (a.y1 + b.y0) / 2;
  }
  if (b.y1 <= a.y0) {
    return eye.y > (b.y1 + a.y0) / 2;
  }
  if (a.x1 <= b.x0) {
    return eye.x < (a.x1 + b.x0) / 2;
  }
  if (b.x1 <= a.x0) {
    return eye.x > (b.x1 + a.x0) / 2;
  }
  return a.distance < b.distance;
}

Stage::Stage(const StreetSettings& settings, const Layout& layout, const Camera& camera, const Light& light,
             int margin_px)
    : camera_(camera),
      light_(light),
      illumination_(light_, layout),
      background_(settings.width_px + 2 * margin_px, settings.height_px + 2 * margin_px),
      layer_(background_.size()),
      canvas_(background_.width_px, background_.height_px),
      raster_(canvas_),
      dirty_(canvas_.width_px, canvas_.height_px),
      shape_(canvas_.size()),
      window_{margin_px, margin_px, margin_px + settings.width_px, margin_px + settings.height_px} {
  draw_background(canvas_, camera_, layout, illumination_);
  draw_things(layout);
  background_ = canvas_;
}

void Stage::draw_thing_shadow(const Thing& thing, const Placement& place) {
  Extent ignored;
  switch (thing.kind) {
    case ThingKind::kTree:
      draw_shadow(raster_, camera_, illumination_, place, thing.size * 0.2, thing.size * 0.2, thing.size * 0.6,
                  ignored);
      break;
    case ThingKind::kVehicle: {
      const VehicleSize& size = size_of(thing.vehicle.shape);
      draw_shadow(raster_, camera_, illumination_, place, size.width / 2, size.length / 2, size.height, ignored);
      break;
    }
    default:
      draw_shadow(raster_, camera_, illumination_, place, thing.half_x, thing.half_y, thing.size, ignored);
  }
}

void Stage::draw_things(const Layout& layout) {
  std::vector<Item> items;
  std::uint64_t parked_id = 0;
  for (const Thing& thing : layout.things) {
    Item item;
    item.thing = &thing;
    item.place.position = thing.position;
    item.half_x = thing.kind == ThingKind::kTree ? thing.size * 0.32 : thing.half_x + 0.4;
    item.half_y = thing.kind == ThingKind::kTree ? thing.size * 0.32 : thing.half_y + 0.4;
    item.height = thing.size + 0.2;
    item.kind = class_of_thing(thing.kind);
    item.footprint = footprint_of(thing.position, thing.half_x, thing.half_y, camera_);
    if (thing.kind == ThingKind::kLamp) {
      item.half_x = 2.2;  // its arm
    }
    if (thing.kind == ThingKind::kVehicle) {
      item.id = ++parked_id;
      item.kind = class_of_vehicle(thing.vehicle);
      item.place.ahead_y = thing.heading;
      item.half_x = thing.half_x;
      item.half_y = thing.half_y;
      item.height = size_of(thing.vehicle.shape).height * thing.vehicle.scale;
    }
    item.reach = reach_of(item);
    // A pole or crown right in front of the lens would hide the street.
    if (!item.reach.empty() && item.footprint.distance < kSight &&
        (thing.kind == ThingKind::kVehicle || item.footprint.distance > 6)) {
      items.push_back(item);
    }
  }
  items_ = std::move(items);
  sort_items();
  if (items_.size() > kMaxStatics) {
    items_.erase(items_.begin(), items_.end() - static_cast<std::ptrdiff_t>(kMaxStatics));
  }
  for (const Item& item : items_) {
    draw_thing_shadow(*item.thing, item.place);
  }
  std::vector<std::uint16_t> ids(items_.size() + 1);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    statics_.push_back({item.footprint, item.reach});
    const auto marker = static_cast<std::uint16_t>(kFirstItem + i);
    Sketch sketch(raster_, camera_, illumination_, item.place, marker);
    draw_thing(sketch, *item.thing);
    set_extent(item, sketch.extent());
    ids[i] = item.kind;
    if (item.thing->kind == ThingKind::kVehicle) {
      item.slot = static_cast<std::uint16_t>(kFirstItem + parked_.size());
      ids[i] = item.slot;
      item.drawn_pixels = count_pixels(item, canvas_.id, marker);
      parked_.push_back(item);
    }
  }
  for (std::size_t i = 0; i < canvas_.id.size(); ++i) {
    if (canvas_.id[i] >= kFirstItem) {
      const std::size_t index = canvas_.id[i] - kFirstItem;
      layer_[i] = static_cast<std::uint8_t>(index + 1);
      canvas_.id[i] = ids[index];
    }
  }
  items_.clear();
}

Rect Stage::reach_of(const Item& item) const {
  Extent extent;
  bool visible = false;
  bool behind = false;
  for (int corner = 0; corner < 8; ++corner) {
    const Vec3 world =
        item.place.to_world({(corner & 1) != 0 ? item.half_x : -item.half_x,
                             (corner & 2) != 0 ? item.half_y : -item.half_y, (corner & 4) != 0 ? item.height : 0});
    const Vec3 view = camera_.to_view(world);
    if (view.z > kNear) {
      extent.add(camera_.project(view), 1);
      visible = true;
    } else {
      behind = true;
    }
  }
  if (!visible) {
    return {};
  }
  if (behind) {
    return canvas_.bounds();
  }
  const auto limit = [](double value) { return static_cast<int>(std::clamp(std::floor(value), -30000.0, 30000.0)); };
  return intersection(canvas_.bounds(),
                      {limit(extent.left), limit(extent.top), limit(extent.right) + 1, limit(extent.bottom) + 1});
}

long Stage::count_pixels(const Item& item, const std::vector<std::uint16_t>& ids, std::uint16_t id) const {
  const Rect where = intersection(item.reach, window_);
  long count = 0;
  for (int y = where.y0; y < where.y1 && !where.empty(); ++y) {
    const std::uint16_t* row = ids.data() + canvas_.at(0, y);
    count += count_ids(row + where.x0, where.x1 - where.x0, id);
  }
  return count;
}

void Stage::set_extent(Item& item, const Extent& extent) const {
  const auto limit = [](double value) { return static_cast<int>(std::clamp(std::floor(value), -30000.0, 30000.0)); };
  item.extent = extent;
  item.reach = extent.empty() ? Rect{}
                              : intersection(canvas_.bounds(), {limit(extent.left), limit(extent.top),
                                                                limit(extent.right) + 1, limit(extent.bottom) + 1});
}

std::uint16_t Stage::next_mark() {
  if (++mark_ == 0) {
    std::ranges::fill(shape_, std::uint16_t{0});
    mark_ = 1;
  }
  return mark_;
}

void Stage::restore() {
  const auto copy = [](const auto& from, auto& to, std::size_t at, std::size_t count) {
    std::copy_n(from.data() + at, count, to.data() + at);
  };
  for (int row = 0; row < dirty_.rows; ++row) {
    const int y0 = row * kTileHeight;
    const int y1 = std::min(y0 + kTileHeight, canvas_.height_px);
    for (int begin = 0; begin < dirty_.columns;) {
      if (!dirty_.take(begin, row)) {
        ++begin;
        continue;
      }
      int end = begin + 1;
      while (end < dirty_.columns && dirty_.take(end, row)) {
        ++end;
      }
      const int x0 = begin * kTileWidth;
      const auto count = static_cast<std::size_t>(std::min(end * kTileWidth, canvas_.width_px) - x0);
      for (int y = y0; y < y1; ++y) {
        const std::size_t at = canvas_.at(x0, y);
        copy(background_.r, canvas_.r, at, count);
        copy(background_.g, canvas_.g, at, count);
        copy(background_.b, canvas_.b, at, count);
        copy(background_.id, canvas_.id, at, count);
      }
      begin = end;
    }
  }
}

void Stage::add_item(Item item) {
  item.reach = reach_of(item);
  if (item.footprint.distance < kSight && !item.reach.empty()) {
    items_.push_back(item);
  }
}

void Stage::collect(const Traffic& traffic) {
  items_.clear();
  for (const Traffic::Row& row : traffic.rows()) {
    for (const Vehicle& vehicle : row.vehicles) {
      Item item;
      item.id = vehicle.id;
      item.vehicle = &vehicle;
      item.kind = vehicle.cycle ? static_cast<std::uint16_t>(kCyclist) : class_of_vehicle(vehicle.look);
      item.place.ahead_y = row.lane.direction;
      item.place.position = {row.lane.x + vehicle.lateral * row.lane.direction,
                             Traffic::world_y(row.lane, vehicle.along - vehicle.length / 2), 0};
      item.half_x = vehicle.half_width;
      item.half_y = vehicle.length / 2;
      item.height = vehicle.height + 0.2;
      item.footprint = footprint_of(item.place.position, item.half_x, item.half_y, camera_);
      add_item(item);
    }
  }
  for (const Walker& walker : traffic.walkers()) {
    Item item;
    item.id = walker.id;
    item.walker = &walker;
    item.kind = kPerson;
    item.place = {{walker.x, walker.y, 0}, walker.ahead_x, walker.ahead_y};
    item.half_x = 0.6;  // room for arms, legs and bags
    item.half_y = 0.6;
    item.height = walker.look.height + (light_.wet ? 0.5 : 0.05);
    item.footprint = footprint_of(item.place.position, 0.25, 0.25, camera_);
    add_item(item);
  }
}

void Stage::sort_items() {
  std::ranges::sort(items_, [](const Item& a, const Item& b) {
    return a.footprint.distance != b.footprint.distance ? a.footprint.distance > b.footprint.distance : a.id < b.id;
  });
  // Distance is not always the order: a lorry's middle may be farther than a car beside its rear. Take the farthest
  // that hides none of the rest; cycles are broken by distance.
  for (std::size_t i = 0; i < items_.size(); ++i) {
    for (std::size_t j = i; j < items_.size(); ++j) {
      const bool hides_another =
          std::any_of(items_.begin() + static_cast<std::ptrdiff_t>(i), items_.end(), [&](const Item& other) {
            return &other != &items_[j] && other.reach.overlaps(items_[j].reach) &&
                   in_front(items_[j].footprint, other.footprint, camera_.position);
          });
      if (!hides_another) {
        std::rotate(items_.begin() + static_cast<std::ptrdiff_t>(i), items_.begin() + static_cast<std::ptrdiff_t>(j),
                    items_.begin() + static_cast<std::ptrdiff_t>(j) + 1);
        break;
      }
    }
  }
}

bool Stage::choose_stencil(const Item& item) {
  bool any = false;
  for (std::size_t i = 0; i < statics_.size(); ++i) {
    const Static& thing = statics_[i];
    const bool hides = thing.reach.overlaps(item.reach) && in_front(thing.footprint, item.footprint, camera_.position);
    hides_[i + 1] = hides ? 1 : 0;
    any = any || hides;
  }
  return any;
}

void Stage::draw_figure(Sketch& sketch, const Item& item) {
  if (item.walker != nullptr) {
    const Walker& walker = *item.walker;
    draw_person(sketch, walker.look, walker.phase, std::min(1.6, walker.speed / 1.3));
  } else if (item.vehicle->cycle) {
    draw_cyclist(sketch, item.vehicle->rider, item.vehicle->phase);
  } else {
    draw_vehicle(sketch, item.vehicle->look, {.braking = item.vehicle->braking});
  }
}

void Stage::draw_ground_light(const Item& item) {
  if (item.vehicle == nullptr || item.vehicle->cycle || light_.lamps <= 0) {
    return;
  }
  // Two ellipses on the road: near and bright, far and wide.
  for (const double reach : {4.0, 9.0}) {
    const Vec3 middle = camera_.to_view(item.place.to_world({0, item.half_y + reach * 0.8, 0}));
    const Vec3 ahead = camera_.to_view(item.place.to_world({0, item.half_y + reach * 1.7, 0}));
    const Vec3 aside = camera_.to_view(item.place.to_world({1.2 + reach * 0.13, item.half_y + reach * 0.8, 0}));
    if (middle.z > 1 && ahead.z > 1 && aside.z > 1) {
      const Px m = camera_.project(middle);
      const Px a = camera_.project(ahead);
      const Px b = camera_.project(aside);
      raster_.glow(m, {a.x - m.x, a.y - m.y}, {b.x - m.x, b.y - m.y}, Rgb{96, 90, 74} * (1 - 0.3 * light_.ambient.r),
                   true);
    }
  }
}

void Stage::draw_item(Item& item) {
  const bool hidden = choose_stencil(item);
  if (hidden) {
    raster_.set_stencil(layer_.data(), hides_.data());
    raster_.set_shape(shape_.data(), next_mark());
  }
  Sketch sketch(raster_, camera_, illumination_, item.place, item.slot);
  draw_figure(sketch, item);
  raster_.set_shape(nullptr, 0);
  set_extent(item, sketch.extent());
  item.drawn_pixels = hidden ? count_pixels(item, shape_, mark_) : count_pixels(item, canvas_.id, item.slot);
  if (item.walker != nullptr && light_.wet && item.walker->look.umbrella) {
    Sketch umbrella(raster_, camera_, illumination_, item.place, kFurniture);
    draw_umbrella(umbrella, item.walker->look);
  }
  raster_.set_stencil(nullptr, nullptr);
}

void Stage::draw(const Traffic& traffic, const Rect& window) {
  window_ = window;
  restore();
  collect(traffic);
  sort_items();
  const auto remember = [&] { dirty_.mark(raster_.take_touched()); };
  raster_.set_stencil(nullptr, nullptr);
  raster_.take_touched();
  for (Item& item : items_) {
    Extent ignored;
    const bool person = item.walker != nullptr;
    draw_shadow(raster_, camera_, illumination_, item.place, person ? 0.2 : item.half_x, person ? 0.2 : item.half_y,
                item.height - 0.1, ignored);
    draw_ground_light(item);
    if (light_.wet) {
      Sketch mirror(raster_, camera_, illumination_, item.place, 0);
      mirror.set_mirror(kOpaque / 4);
      draw_figure(mirror, item);
    }
    remember();
  }
  auto slot = static_cast<std::uint16_t>(kFirstItem + parked_.size());
  for (Item& item : items_) {
    item.slot = slot++;
    draw_item(item);
    remember();
  }
}

std::uint8_t Stage::class_of(std::uint16_t id) const {
  if (id < kFirstItem) {
    return static_cast<std::uint8_t>(id);
  }
  const std::size_t index = static_cast<std::size_t>(id) - kFirstItem;
  return static_cast<std::uint8_t>(index < parked_.size() ? parked_[index].kind : items_[index - parked_.size()].kind);
}

}  // namespace fovea::street
