#include "vision/street/layout.hpp"

namespace fovea::street {
namespace {

constexpr std::array<Rgb, 10> kWalls = {{{196, 178, 150},
                                         {168, 96, 74},
                                         {214, 208, 196},
                                         {150, 142, 132},
                                         {186, 160, 118},
                                         {120, 110, 104},
                                         {204, 190, 160},
                                         {142, 78, 62},
                                         {176, 184, 188},
                                         {220, 200, 170}}};
constexpr std::array<Rgb, 8> kShopColors = {{{150, 30, 34},
                                             {30, 70, 120},
                                             {34, 96, 62},
                                             {200, 150, 40},
                                             {50, 50, 56},
                                             {120, 60, 110},
                                             {220, 220, 214},
                                             {40, 120, 130}}};

std::vector<Building> make_buildings(Random& random) {
  std::vector<Building> result;
  // The last reaches far beyond the street's end, so that every y has a house or gap.
  for (double y = kStreetBegin - 60; y < kStreetEnd + 60;) {
    Building building;
    building.y0 = y;
    const bool gap = random.chance(0.16);
    building.y1 = y + (gap ? random.between(8, 22) : random.between(9, 24));
    building.floor_height = random.between(2.9, 3.6);
    const int floors = 3 + random.below(5);
    building.height = gap ? 0 : floors * building.floor_height + random.between(0.8, 2.0);
    building.bay_width = random.between(2.0, 3.6);
    building.window_width = building.bay_width * random.between(0.38, 0.68);
    building.window_height = building.floor_height * random.between(0.42, 0.62);
    building.wall = random.pick(kWalls);
    building.wall = building.wall * random.between(0.85, 1.05);
    building.trim = building.wall * random.between(0.6, 1.25);
    building.shop = random.pick(kShopColors);
    building.has_shop = random.chance(0.55);
    building.bricks = building.wall.r > building.wall.b * 1.7;
    building.balconies = random.chance(0.25);
    building.seed = random.next();
    y = building.y1;
    result.push_back(building);
  }
  return result;
}

class Furnisher {
 public:
  Furnisher(Layout& layout, Random& random) : layout_(layout), random_(random) {}

  void furnish(int side, bool parking, double density) {
    side_ = side;
    sign_ = side == 0 ? -1 : 1;
    trees_and_lamps();
    small_things();
    if (parking) {
      parked_vehicles(density);
    }
  }

 private:
  [[nodiscard]] bool near_zebra(double y, double distance) const {
    return std::any_of(layout_.zebras.begin(), layout_.zebras.end(),
                       [&](const Zebra& zebra) { return std::fabs(zebra.y - y) < zebra.half + distance; });
  }

  void add(ThingKind kind, double x, double y, double size, double half) {
    Thing thing;
    thing.kind = kind;
    thing.position = {x, y, 0};
    thing.size = size;
    thing.half_x = half;
    thing.half_y = half;
    thing.toward_road = -sign_;
    thing.seed = random_.next();
    layout_.things.push_back(thing);
  }

  void trees_and_lamps() {
    const double x = sign_ * (layout_.kerb[static_cast<std::size_t>(side_)] + 0.6);
    const double pitch = random_.between(20, 30);
    const double trees = random_.chance(0.6) ? random_.between(0.25, 0.8) : 0;
    int index = 0;
    for (double y = kStreetBegin + random_.between(0, pitch); y < kStreetEnd - 10; y += pitch / 2, ++index) {
      if (index % 2 == side_) {
        add(ThingKind::kLamp, x, y, kLampHeight, 0.12);
      } else if (random_.chance(trees) && !near_zebra(y, 2.5) && (y > 9 || y < -4)) {
        const double offset = random_.between(-1, 1);
        add(ThingKind::kTree, x, y + offset, random_.between(4.5, 8), 0.35);
      }
    }
  }

  void small_things() {
    const auto side = static_cast<std::size_t>(side_);
    const double kerb = layout_.kerb[side];
    const bool bollards = random_.chance(0.3);
    for (double y = kStreetBegin; y < 90; y += random_.between(4, 12)) {
      const double edge = sign_ * (kerb + 0.45);
      const double wall = sign_ * (layout_.facade[side] - 0.5);
      switch (random_.below(7)) {
        case 0:
          add(ThingKind::kSign, edge, y, random_.between(2.2, 2.8), 0.06);
          break;
        case 1: {
          const double x = random_.chance(0.5) ? edge : wall;
          add(ThingKind::kBin, x, y, random_.between(0.8, 1.1), 0.25);
          break;
        }
        case 2:
          add(ThingKind::kBench, wall, y, 0.85, 0.5);
          break;
        case 3:
          add(ThingKind::kBush, wall, y, random_.between(0.7, 1.4), 0.5);
          break;
        default:
          break;
      }
    }
    for (double y = 4; bollards && y < 60; y += 2.2) {
      if (!near_zebra(y, 0.5)) {
        add(ThingKind::kBollard, sign_ * (kerb + 0.25), y, 0.95, 0.09);
      }
    }
  }

  void parked_vehicles(double density) {
    const double x = sign_ * (layout_.drive_half + kParkingWidth / 2);
    double y = kStreetBegin + random_.between(0, 6);
    while (y < kStreetEnd - 20) {
      Thing thing;
      thing.kind = ThingKind::kVehicle;
      thing.vehicle = random_look(random_, 0.04);
      const VehicleSize& size = size_of(thing.vehicle.shape);
      thing.half_x = size.width / 2 * thing.vehicle.scale;
      thing.half_y = size.length / 2 * thing.vehicle.scale;
      y += thing.half_y;
      thing.position = {x, y, 0};
      thing.heading = random_.chance(0.9) ? sign_ : -sign_;
      thing.toward_road = -sign_;
      const bool taken = random_.chance(0.3 + 0.5 * density);
      if (taken && !near_zebra(y, thing.half_y + 1)) {
        layout_.things.push_back(thing);
      }
      y += thing.half_y + random_.between(0.8, 3);
    }
  }

  Layout& layout_;
  Random& random_;
  int side_ = 0;
  int sign_ = 1;
};

}  // namespace

Vec3 lamp_head(const Thing& lamp) {
  return {lamp.position.x + 1.3 * lamp.toward_road, lamp.position.y, lamp.size - 0.15};
}

Layout make_layout(Random& random, double density, double target_y) {
  Layout layout;
  layout.seed = random.next();
  layout.lane_width = random.between(3.0, 3.5);
  layout.lanes_each_way = random.chance(0.25) ? 2 : 1;
  layout.marked_cycle_lane = random.chance(0.5);
  layout.drive_half = layout.lanes_each_way * layout.lane_width + kCycleWidth;
  for (int i = 0; i < layout.lanes_each_way; ++i) {
    layout.lanes.push_back({(i + 0.5) * layout.lane_width, 1, false});
    layout.lanes.push_back({-(i + 0.5) * layout.lane_width, -1, false});
  }
  layout.lanes.push_back({layout.drive_half - kCycleWidth / 2, 1, true});
  layout.lanes.push_back({-(layout.drive_half - kCycleWidth / 2), -1, true});
  layout.zebras.push_back({target_y + random.between(-5, 5), random.between(1.5, 2.2)});
  if (random.chance(0.5)) {
    layout.zebras.push_back({layout.zebras[0].y + random.between(30, 60), 2.0});
  }
  for (int side = 0; side < 2; ++side) {
    const auto s = static_cast<std::size_t>(side);
    const bool parking = random.chance(0.55);
    layout.kerb[s] = layout.drive_half + (parking ? kParkingWidth : 0);
    layout.facade[s] = layout.kerb[s] + random.between(2.8, 5.5);
    layout.buildings[s] = make_buildings(random);
    Furnisher(layout, random).furnish(side, parking, density);
  }
  return layout;
}

CameraPlan plan_camera(Random& random) {
  CameraPlan plan;
  const int side = random.chance(0.5) ? 1 : -1;
  const int kind = random.below(20);
  if (kind < 9) {  // along the street, from a pole or a bridge
    plan.lateral = random.between(-0.9, 0.9);
    plan.height = random.between(3.8, 9);
    plan.target_lateral = random.between(-0.35, 0.35);
    plan.target_y = random.between(18, 34);
    plan.focal_widths = random.between(0.75, 1.5);
  } else if (kind < 16) {  // from a house corner, slanting over the road
    plan.lateral = side * 0.93;
    plan.height = random.between(3.2, 7.5);
    plan.target_lateral = -side * random.between(0.1, 0.7);
    plan.target_y = random.between(9, 17);
    plan.focal_widths = random.between(0.7, 1.1);
  } else {  // from a house front, across the road
    plan.lateral = side * 0.96;
    plan.height = random.between(2.8, 5.5);
    plan.target_lateral = -side * random.between(0.6, 0.9);
    plan.target_y = random.between(2, 8);
    plan.focal_widths = random.between(0.65, 0.9);
  }
  plan.roll = random.between(-0.02, 0.02);
  return plan;
}

Camera place_camera(const CameraPlan& plan, const Layout& layout, int width_px, int height_px, int margin_px) {
  const auto across = [&](double lateral) { return lateral * (lateral < 0 ? layout.facade[0] : layout.facade[1]); };
  Camera camera;
  camera.position = {across(plan.lateral), 0, plan.height};
  const Vec3 target{across(plan.target_lateral), plan.target_y, 1.2};
  camera.forward = normalised(target - camera.position);
  const Vec3 level = normalised(cross(camera.forward, {0, 0, 1}));
  const Vec3 upright = cross(level, camera.forward);
  camera.right = level * cosine(plan.roll) + upright * sine(plan.roll);
  camera.up = upright * cosine(plan.roll) - level * sine(plan.roll);
  camera.focal_px = plan.focal_widths * width_px;
  camera.centre_x = margin_px + width_px / 2.0;
  // Tall pictures see more of the ground, not of the sky.
  camera.centre_y = margin_px + height_px / 2.0;
  return camera;
}

}  // namespace fovea::street
