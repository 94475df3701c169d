// Vehicles follow the Intelligent Driver Model (Treiber, Hennecke, Helbing: "Congested traffic states in empirical
// observations and microscopic simulations", 2000).
#include "vision/street/traffic.hpp"

#include <limits>

namespace fovea::street {
namespace {

constexpr double kLaneLength = kStreetEnd - kStreetBegin;
constexpr double kComfortBraking = 2.4;
/// Harder braking than this for a pedestrian is not begun: the vehicle passes.
constexpr double kHardBraking = 4.0;
constexpr double kStandingGap = 2.2;
constexpr double kLongestStep = 0.1;  ///< Seconds; longer ones would let vehicles jump over their stop line.
/// Walkers live between these.
constexpr double kWalkBegin = -35;
constexpr double kWalkEnd = 112;

/// IDM acceleration behind something `gap` metres ahead that is `closing` metres a second slower.
double follow(const Vehicle& vehicle, double gap, double closing) {
  const double share = vehicle.speed / vehicle.desired;
  const double headway = vehicle.cycle ? 0.9 : 1.3;
  const double wanted =
      kStandingGap + std::max(0.0, vehicle.speed * headway +
                                       vehicle.speed * closing / (2 * std::sqrt(vehicle.strength * kComfortBraking)));
  const double tight = wanted / std::max(gap, 0.1);
  return vehicle.strength * (1 - share * share * share * share - tight * tight);
}

}  // namespace

Traffic::Traffic(const Layout& layout, double density, std::uint64_t seed)
    : layout_(layout), density_(density), random_(seed, 20), claims_(layout.zebras.size()) {
  for (const Lane& lane : layout.lanes) {
    Row row;
    row.lane = lane;
    double along = kLaneLength - random_.between(0, 30);
    while (along > 5 && row.vehicles.size() + 2 < kMaxVehicles && density > 0) {
      Vehicle vehicle = make_vehicle(row);
      vehicle.along = along;
      vehicle.halt_at = -1;
      along -= vehicle.length + kStandingGap + vehicle.speed * 1.3 +
               random_.between(2, (lane.cycles ? 110 : 70) * (1.15 - density));
      row.vehicles.push_back(vehicle);
    }
    rows_.push_back(std::move(row));
  }
  walkers_.resize(density > 0 ? static_cast<std::size_t>(5 + 52 * density) : 0);
  for (Walker& walker : walkers_) {
    appear(walker, true);
  }
  for (int i = 0; i < 60; ++i) {  // six seconds, so that distances settle and some wait at the crossing
    move(kLongestStep);
  }
}

Vehicle Traffic::make_vehicle(const Row& row) {
  Vehicle vehicle;
  vehicle.id = next_id_++;
  vehicle.cycle = row.lane.cycles;
  if (vehicle.cycle) {
    vehicle.rider = random_person(random_);
    vehicle.rider.height = std::max(vehicle.rider.height, 1.5);
    vehicle.length = 1.75;
    vehicle.half_width = 0.3;
    vehicle.height = 1.75;
    vehicle.desired = random_.between(3.4, 6.4);
    vehicle.strength = 0.9;
    vehicle.lateral = random_.between(-0.35, 0.35);
  } else {
    vehicle.look = random_look(random_, 0.20);
    const VehicleSize& size = size_of(vehicle.look.shape);
    const bool truck = vehicle.look.shape >= VehicleShape::kBox;
    vehicle.length = size.length * vehicle.look.scale;
    vehicle.half_width = size.width / 2 * vehicle.look.scale;
    vehicle.height = size.height * vehicle.look.scale;
    vehicle.desired = truck ? random_.between(7, 11) : random_.between(8, 14.5);
    vehicle.strength = truck ? 0.9 : 1.7;
    vehicle.lateral = random_.between(-0.3, 0.3);
    if (random_.chance(0.07)) {
      vehicle.halt_at = random_.between(30, kLaneLength - 20);
      vehicle.halt_left = random_.between(3, 8);
    }
  }
  vehicle.speed = vehicle.desired * 0.85;
  vehicle.phase = random_.between(0, 2 * kPi);
  return vehicle;
}

void Traffic::step(double seconds) {
  const int parts = std::max(1, static_cast<int>(std::ceil(seconds / kLongestStep)));
  for (int i = 0; i < parts; ++i) {
    move(seconds / parts);
  }
}

void Traffic::move(double seconds) {
  std::ranges::fill(claims_, 0);
  for (const Walker& walker : walkers_) {
    if (walker.zebra >= 0 && (walker.state == Walker::State::kWait || walker.state == Walker::State::kCross)) {
      ++claims_[static_cast<std::size_t>(walker.zebra)];
    }
  }
  for (Row& row : rows_) {
    drive(row, seconds);
    enter(row, seconds);
  }
  for (Walker& walker : walkers_) {
    walk(walker, seconds);
  }
}

double Traffic::to_stop_line(const Row& row, const Vehicle& vehicle) const {
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < layout_.zebras.size(); ++i) {
    const Zebra& zebra = layout_.zebras[i];
    const double line =
        row.lane.direction > 0 ? zebra.y - zebra.half - 0.4 - kStreetBegin : kStreetEnd - zebra.y - zebra.half - 0.4;
    const double distance = line - vehicle.along;
    const double needed = vehicle.speed * vehicle.speed / (2 * kHardBraking);
    if (claims_[i] > 0 && distance > needed - 0.5 && distance > -0.5) {
      nearest = std::min(nearest, std::max(distance, 0.0) + kStandingGap * 0.75);
    }
  }
  return nearest;
}

void Traffic::drive(Row& row, double seconds) {
  for (std::size_t i = 0; i < row.vehicles.size(); ++i) {
    Vehicle& vehicle = row.vehicles[i];
    double acceleration = follow(vehicle, 1e9, 0);
    if (i > 0) {
      const Vehicle& leader = row.vehicles[i - 1];
      acceleration = std::min(
          acceleration, follow(vehicle, leader.along - leader.length - vehicle.along, vehicle.speed - leader.speed));
    }
    acceleration = std::min(acceleration, follow(vehicle, to_stop_line(row, vehicle), vehicle.speed));
    if (vehicle.halt_at > vehicle.along - 1) {
      acceleration = std::min(acceleration, follow(vehicle, vehicle.halt_at + 1 - vehicle.along, vehicle.speed));
      vehicle.halt_left -= vehicle.speed < 0.3 ? seconds : 0;
      vehicle.halt_at = vehicle.halt_left <= 0 ? -1 : vehicle.halt_at;
    }
    acceleration = std::max(acceleration, -8.0);
    vehicle.braking = acceleration < -0.6 || vehicle.speed < 0.2;
    const double before = vehicle.speed;
    vehicle.speed = std::max(0.0, vehicle.speed + acceleration * seconds);
    const double moved = (before + vehicle.speed) / 2 * seconds;
    vehicle.along += moved;
    // One turn of the pedals is about five metres of road.
    vehicle.phase = fraction((vehicle.phase - moved * 2 * kPi / 5) / (2 * kPi)) * 2 * kPi;
  }
  if (!row.vehicles.empty() && row.vehicles.front().along - row.vehicles.front().length > kLaneLength) {
    row.vehicles.erase(row.vehicles.begin());
  }
}

void Traffic::enter(Row& row, double seconds) {
  row.until_next -= seconds;
  if (density_ <= 0 || row.until_next > 0 || row.vehicles.size() >= kMaxVehicles) {
    return;
  }
  const double room = row.vehicles.empty() ? 1e9 : row.vehicles.back().along - row.vehicles.back().length;
  if (room < 16) {
    return;
  }
  Vehicle vehicle = make_vehicle(row);
  vehicle.speed =
      room < 40 && !row.vehicles.empty() ? std::min(vehicle.speed, row.vehicles.back().speed) : vehicle.speed;
  row.vehicles.push_back(vehicle);
  const double mean = row.lane.cycles ? 14 : 8;
  row.until_next = random_.between(0.5, 2 * mean * (1.1 - density_));
}

void Traffic::appear(Walker& walker, bool anywhere) {
  walker = Walker();
  walker.id = next_id_++;
  walker.random = Random(random_.next(), walker.id);
  walker.look = random_person(random_);
  walker.side = random_.below(2);
  walker.direction = random_.chance(0.5) ? 1 : -1;
  walker.desired = walker.look.child ? random_.between(0.9, 1.5) : random_.between(0.95, 1.75);
  walker.desired = random_.chance(0.05) ? random_.between(2.4, 3.4) : walker.desired;
  walker.speed = walker.desired;
  walker.phase = random_.between(0, 2 * kPi);
  walker.y = walker.direction > 0 ? kWalkBegin : kWalkEnd;
  walk_on(walker);
  walker.x = walker.target_x;
  if (anywhere) {
    // Squared: more of them near the camera, where they are seen.
    const double share = random_.uniform();
    walker.y = kWalkBegin + 20 + (kWalkEnd - kWalkBegin - 20) * share * share;
    if (random_.chance(0.15)) {
      walker.state = Walker::State::kStand;
      walker.timer = random_.between(8, 60);
      walker.ahead_x = random_.between(-1, 1);
      walker.ahead_y = random_.between(-1, 1);
    }
  }
  const Vec3 ahead = normalised({walker.ahead_x, walker.ahead_y + 1e-9, 0});
  walker.ahead_x = ahead.x;
  walker.ahead_y = ahead.y;
}

void Traffic::walk_on(Walker& walker) {
  const auto side = static_cast<std::size_t>(walker.side);
  const double sign = walker.side == 0 ? -1 : 1;
  walker.state = Walker::State::kWalk;
  walker.target_x = sign * walker.random.between(layout_.kerb[side] + 0.9, layout_.facade[side] - 0.6);
  walker.ahead_x = 0;
  walker.ahead_y = walker.direction;
  walker.zebra = -1;
  // Means to cross at the next crossing ahead, perhaps.
  for (std::size_t i = 0; i < layout_.zebras.size() && walker.random.chance(0.45); ++i) {
    if ((layout_.zebras[i].y - walker.y) * walker.direction > 1.5) {
      walker.zebra = static_cast<int>(i);
    }
  }
}

bool Traffic::may_cross(const Zebra& zebra) const {
  for (const Row& row : rows_) {
    for (const Vehicle& vehicle : row.vehicles) {
      const double zebra_along = row.lane.direction > 0 ? zebra.y - kStreetBegin : kStreetEnd - zebra.y;
      const double ahead = zebra_along - zebra.half - vehicle.along;
      const bool beyond = vehicle.along - vehicle.length > zebra_along + zebra.half;
      if (!beyond && ahead < 14 && vehicle.speed > 0.8) {
        return false;
      }
      if (!beyond && ahead < -0.2) {
        return false;
      }
    }
  }
  return true;
}

void Traffic::walk(Walker& walker, double seconds) {
  constexpr double kPatience = 25;  // seconds
  const double sign = walker.side == 0 ? -1 : 1;
  const double kerb = sign * (layout_.kerb[static_cast<std::size_t>(walker.side)] + 0.35);
  double want_x = 0;
  double want_y = walker.direction;
  double speed = walker.desired;
  switch (walker.state) {
    case Walker::State::kStand:
      speed = 0;
      walker.timer -= seconds;
      if (walker.timer <= 0) {
        walk_on(walker);
      }
      break;
    case Walker::State::kWalk:
      want_x = std::clamp((walker.target_x - walker.x) * 0.5, -0.5, 0.5);
      if (walker.zebra >= 0) {
        const Zebra& zebra = layout_.zebras[static_cast<std::size_t>(walker.zebra)];
        const double offset = (static_cast<double>(walker.id % 16) / 7.5 - 1) * zebra.half * 0.7;
        if ((walker.y - zebra.y - offset) * walker.direction >= 0) {
          walker.state = Walker::State::kApproach;
        }
      }
      break;
    case Walker::State::kApproach:
      want_x = -sign;
      want_y = 0;
      if ((walker.x - kerb) * sign <= 0.1) {
        walker.state = Walker::State::kWait;
        walker.timer = 0;
      }
      break;
    case Walker::State::kWait:
      speed = 0;
      want_x = -sign;
      want_y = 0;
      walker.timer += seconds;
      if (walker.timer > 0.6 && may_cross(layout_.zebras[static_cast<std::size_t>(walker.zebra)])) {
        walker.state = Walker::State::kCross;
      } else if (walker.timer > kPatience) {
        walk_on(walker);
      }
      break;
    case Walker::State::kCross:
      want_x = -sign;
      want_y = 0;
      speed = std::max(1.2, walker.desired);
      if (walker.x * -sign > layout_.kerb[static_cast<std::size_t>(1 - walker.side)] + 0.5) {
        walker.side = 1 - walker.side;
        walker.direction = walker.random.chance(0.5) ? 1 : -1;
        walk_on(walker);
        walker.zebra = -1;
      }
      break;
  }
  walker.speed += std::clamp(speed - walker.speed, -3 * seconds, 2 * seconds);
  const double turn = std::min(1.0, 5 * seconds);
  if (walker.state != Walker::State::kStand) {
    const Vec3 want = normalised({want_x, want_y, 0});
    const Vec3 ahead = normalised(
        {walker.ahead_x + (want.x - walker.ahead_x) * turn, walker.ahead_y + (want.y - walker.ahead_y) * turn, 0});
    walker.ahead_x = ahead.x;
    walker.ahead_y = ahead.y;
  }
  walker.x += walker.ahead_x * walker.speed * seconds;
  walker.y += walker.ahead_y * walker.speed * seconds;
  // A pair of steps covers about 0.83 of a person's height.
  walker.phase =
      fraction((walker.phase + walker.speed * seconds / (0.83 * walker.look.height) * 2 * kPi) / (2 * kPi)) * 2 * kPi;
  if (walker.y < kWalkBegin - 1 || walker.y > kWalkEnd + 1) {
    appear(walker, false);
  }
}

}  // namespace fovea::street
