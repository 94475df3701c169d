// What stands where in one street: lanes, buildings, furniture and the camera, all from the seed.
#pragma once

#include <array>
#include <vector>

#include "vision/street/camera.hpp"
#include "vision/street/random.hpp"
#include "vision/street/street.hpp"
#include "vision/street/vehicle_shapes.hpp"

namespace fovea::street {

/// The street reaches from kStreetBegin (behind the camera) to kStreetEnd along y.
inline constexpr double kStreetBegin = -60;
inline constexpr double kStreetEnd = 150;

/// Vehicles drive along y at `x`; +1 away from the camera's end of the street.
struct Lane {
  double x = 0;
  int direction = 1;
  bool cycles = false;
};

/// A house front, or a gap with grass and hedges, from y0 to y1.
struct Building {
  double y0 = 0;
  double y1 = 0;
  double height = 0;  ///< 0: a gap.
  double floor_height = 3;
  double bay_width = 2.5;
  double window_width = 1.2;
  double window_height = 1.5;
  Rgb wall;
  Rgb trim;
  Rgb shop;  ///< Of the ground floor's sign and awning.
  bool has_shop = false;
  bool bricks = false;
  bool balconies = false;
  std::uint32_t seed = 0;
};

enum class ThingKind : std::uint8_t { kTree, kBush, kLamp, kSign, kBollard, kBin, kBench, kVehicle };

/// Something that stands still.
struct Thing {
  ThingKind kind = ThingKind::kTree;
  Vec3 position;        ///< Middle of the foot.
  double size = 1;      ///< Height in metres; unused for vehicles.
  double half_x = 0.3;  ///< Half extents on the ground.
  double half_y = 0.3;
  int toward_road = 1;  ///< Sign of x pointing to the road.
  VehicleLook vehicle;  ///< Of a parked vehicle
  int heading = 1;      ///< and its direction along y.
  std::uint32_t seed = 0;
};

struct Zebra {
  double y = 0;       ///< Middle.
  double half = 2.0;  ///< Half its extent along y.
};

/// Index 0 is the side of negative x, 1 of positive x.
struct Layout {
  double lane_width = 3.3;
  int lanes_each_way = 1;
  bool marked_cycle_lane = false;
  double drive_half = 5;           ///< From the middle to the end of the cycle strip.
  std::array<double, 2> kerb{};    ///< Distance of the kerb from the middle, beyond a parking strip if there is one.
  std::array<double, 2> facade{};  ///< Distance of the house fronts.
  std::vector<Lane> lanes;
  std::vector<Zebra> zebras;
  std::array<std::vector<Building>, 2> buildings;  ///< Ascending along y without holes.
  std::vector<Thing> things;
  std::uint32_t seed = 0;
};

inline constexpr double kCycleWidth = 1.6;
inline constexpr double kParkingWidth = 2.1;
inline constexpr double kLampHeight = 6.5;

/// Position of a lamp's light.
Vec3 lamp_head(const Thing& lamp);

/// \param target_y  Where the camera looks on the ground; zebra crossings are put near.
Layout make_layout(Random& random, double density, double target_y);

/// Chooses pole height, viewing direction and zoom. The camera stands over the pavement at y = 0; its lateral position
/// is given as a share of the way from the middle to the house fronts and becomes metres with place_camera().
struct CameraPlan {
  double lateral = 0;  ///< −1 … 1.
  double height = 6;
  double target_lateral = 0;
  double target_y = 25;
  double focal_widths = 1;  ///< Focal length over the picture's width.
  double roll = 0;          ///< Radians.
};
CameraPlan plan_camera(Random& random);
Camera place_camera(const CameraPlan& plan, const Layout& layout, int width_px, int height_px, int margin_px);

}  // namespace fovea::street
