// The looks of everything flat and still: road, pavement, house fronts, sky; evaluated point by point.
#pragma once

#include "vision/street/layout.hpp"
#include "vision/street/light.hpp"

namespace fovea::street {

/// Indices into kStreetClasses.
enum StreetClass : std::uint16_t {
  kVoid,
  kRoad,
  kMark,
  kPavement,
  kTerrain,
  kBuilding,
  kSky,
  kVegetation,
  kPole,
  kFurniture,
  kPerson,
  kCyclist,
  kCar,
  kTruck
};

/// Colour under full light, and emitted light.
struct Surface {
  Rgb color;
  Rgb glow;
  std::uint16_t kind = kVoid;
};

/// \param footprint  Metres a pixel covers there; finer detail is left out.
Surface ground_surface(const Layout& layout, double x, double y, double footprint);

/// \param u     Metres along the front from its beginning.
/// \param v     Metres above the ground.
Surface facade_surface(const Building& building, double u, double v, double footprint, const Light& light);

/// A house's windowless side.
Surface side_wall_surface(const Building& building, double u, double v);

/// The hedge behind a gap; kSky kind where `v` is above it.
Surface hedge_surface(double u, double v, std::uint32_t seed);

/// Light of the sky in a direction.
Rgb sky_color(const Vec3& direction, const Light& light, std::uint32_t seed);

}  // namespace fovea::street
