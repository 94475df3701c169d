// Drawing of what lives in the street: vehicles, people, cyclists, street furniture.
#pragma once

#include "vision/street/sketch.hpp"

namespace fovea::street {

struct VehicleState {
  bool braking = false;
  bool parked = false;
};
void draw_vehicle(Sketch& sketch, const VehicleLook& look, const VehicleState& state);

struct PersonLook {
  double height = 1.75;
  double girth = 1;  ///< Factor on body widths.
  bool child = false;
  bool skirt = false;
  bool coat = false;
  bool long_hair = false;
  bool hat = false;
  bool backpack = false;
  bool bag = false;
  bool umbrella = false;  ///< Carried open when the road is wet.
  Rgb skin;
  Rgb hair;
  Rgb top;
  Rgb legs;
  Rgb shoes;
  Rgb extra;  ///< Backpack, bag, hat, umbrella, helmet, bicycle.
};
PersonLook random_person(Random& random);

/// \param phase   Of the walk cycle, radians.
/// \param stride  0 standing … 1 brisk walk … 1.6 running.
void draw_person(Sketch& sketch, const PersonLook& look, double phase, double stride);
/// The open umbrella, which does not belong to the person's pixels.
void draw_umbrella(Sketch& sketch, const PersonLook& look);

/// Bicycle and rider. \param phase  Of the pedals, radians.
void draw_cyclist(Sketch& sketch, const PersonLook& look, double phase);

void draw_thing(Sketch& sketch, const Thing& thing);

}  // namespace fovea::street
