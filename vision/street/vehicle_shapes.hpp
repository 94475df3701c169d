// The shapes and colours vehicles come in.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vision/street/math.hpp"
#include "vision/street/random.hpp"

namespace fovea::street {

enum class VehicleShape : std::uint8_t { kSedan, kHatchback, kEstate, kSuv, kVan, kBox, kTipper, kTrailer };
inline constexpr int kVehicleShapes = 8;

/// Metres. The cabin is the glass house of a car: its foot reaches from `foot_rear` to `foot_front` along the vehicle,
/// its roof from `roof_rear` to `roof_front`, measured from the middle.
struct VehicleSize {
  std::string_view name;
  std::string_view label;
  std::string_view type;
  double length;
  double width;
  double height;
  double clearance;  ///< Under the body.
  double waist;      ///< Height of the body's upper edge.
  double foot_front;
  double roof_front;
  double roof_rear;
  double foot_rear;
  double wheel;  ///< Radius.
  double front_axle;
  double rear_axle;
};

const VehicleSize& size_of(VehicleShape shape);

inline constexpr int kVehicleColors = 8;
struct VehicleColor {
  std::string_view name;
  Rgb paint;
};
const VehicleColor& vehicle_color(int index);

struct VehicleLook {
  VehicleShape shape = VehicleShape::kSedan;
  int color = 0;
  Rgb paint;         ///< vehicle_color() with a little variation.
  double scale = 1;  ///< Of all lengths.
  std::uint32_t seed = 0;
};

/// \param trucks  Probability of a truck.
VehicleLook random_look(Random& random, double trucks);

}  // namespace fovea::street
