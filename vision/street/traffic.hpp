// Who drives and walks where: vehicles that keep distance and stop, people on pavements and crossings.
#pragma once

#include <vector>

#include "vision/street/figures.hpp"
#include "vision/street/layout.hpp"

namespace fovea::street {

/// A car, truck or bicycle on a lane.
struct Vehicle {
  std::uint64_t id = 0;
  bool cycle = false;
  VehicleLook look;
  PersonLook rider;
  double along = 0;    ///< Metres its front has come along the lane.
  double lateral = 0;  ///< Offset from the lane's middle.
  double length = 4;
  double half_width = 0.9;
  double height = 1.5;
  double speed = 0;  ///< Metres a second.
  double desired = 10;
  double strength = 1.5;  ///< Greatest acceleration.
  double halt_at = -1;    ///< Where along the lane it stops for a while; negative: nowhere.
  double halt_left = 0;   ///< Seconds.
  double phase = 0;       ///< Of the pedals.
  bool braking = false;
};

struct Walker {
  enum class State : std::uint8_t { kWalk, kApproach, kWait, kCross, kStand };

  std::uint64_t id = 0;
  PersonLook look;
  State state = State::kWalk;
  double x = 0;
  double y = 0;
  double ahead_x = 0;
  double ahead_y = 1;
  double target_x = 0;
  int side = 0;
  int direction = 1;  ///< Along y while walking.
  int zebra = -1;     ///< Where it means to cross; −1: nowhere.
  double desired = 1.3;
  double speed = 1.3;
  double phase = 0;
  double timer = 0;  ///< Seconds left to stand, or waited.
  Random random{0};
};

/// Bounded: at most kMaxVehicles a lane and a fixed number of walkers, who come back as others when they leave.
class Traffic {
 public:
  static constexpr std::size_t kMaxVehicles = 24;

  Traffic(const Layout& layout, double density, std::uint64_t seed);

  void step(double seconds);

  struct Row {
    Lane lane;
    std::vector<Vehicle> vehicles;  ///< First is farthest along.
    double until_next = 0;          ///< Seconds until another may enter.
  };
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<Walker>& walkers() const { return walkers_; }

  /// World y of a position along a lane.
  static double world_y(const Lane& lane, double along) {
    return lane.direction > 0 ? kStreetBegin + along : kStreetEnd - along;
  }

 private:
  void move(double seconds);
  void drive(Row& row, double seconds);
  void enter(Row& row, double seconds);
  [[nodiscard]] Vehicle make_vehicle(const Row& row);
  /// Metres from `along` to the nearest stop line that is closed; infinite if none.
  [[nodiscard]] double to_stop_line(const Row& row, const Vehicle& vehicle) const;
  void walk(Walker& walker, double seconds);
  void walk_on(Walker& walker);
  [[nodiscard]] bool may_cross(const Zebra& zebra) const;
  void appear(Walker& walker, bool anywhere);

  const Layout& layout_;
  double density_;
  Random random_;
  std::uint64_t next_id_ = 1000;  ///< Parked vehicles have the ids below.
  std::vector<Row> rows_;
  std::vector<Walker> walkers_;
  std::vector<int> claims_;  ///< People waiting at or on each crossing.
};

}  // namespace fovea::street
