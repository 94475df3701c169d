// Dimensions after common European cars and lorries; paints are sRGB values.
#include "vision/street/vehicle_shapes.hpp"

namespace fovea::street {
namespace {

constexpr std::array<VehicleSize, kVehicleShapes> kSizes = {{
    {"sedan", "car", "car", 4.65, 1.82, 1.45, 0.22, 0.92, 0.95, 0.20, -1.00, -1.75, 0.33, 1.42, -1.38},
    {"hatchback", "car", "car", 4.05, 1.76, 1.50, 0.22, 0.93, 1.05, 0.35, -1.45, -1.92, 0.31, 1.28, -1.25},
    {"estate", "car", "car", 4.75, 1.83, 1.50, 0.22, 0.93, 0.95, 0.20, -1.85, -2.28, 0.33, 1.45, -1.40},
    {"suv", "car", "car", 4.60, 1.92, 1.76, 0.32, 1.12, 1.00, 0.35, -1.80, -2.20, 0.38, 1.40, -1.38},
    {"van", "car", "van", 5.30, 2.02, 2.30, 0.28, 1.20, 1.85, 1.05, -2.55, -2.62, 0.35, 1.75, -1.70},
    {"box", "truck", "truck", 7.60, 2.45, 3.45, 0.55, 1.15, 3.80, 3.65, 1.95, 1.95, 0.48, 2.75, -2.20},
    {"tipper", "truck", "truck", 7.20, 2.45, 3.00, 0.60, 1.20, 3.60, 3.45, 1.75, 1.75, 0.50, 2.55, -2.10},
    {"trailer", "truck", "truck", 12.5, 2.50, 3.90, 0.60, 1.20, 6.25, 6.10, 4.10, 4.10, 0.50, 5.00, -4.10},
}};

constexpr std::array<VehicleColor, kVehicleColors> kColors = {{
    {"white", {236, 237, 238}},
    {"gray", {128, 131, 135}},
    {"black", {26, 27, 30}},
    {"red", {186, 22, 26}},
    {"blue", {28, 66, 160}},
    {"green", {26, 116, 52}},
    {"yellow", {238, 192, 24}},
    {"brown", {98, 60, 34}},
}};

/// How often each colour is drawn, in percent; nearer to even than real traffic so that rare colours are learnt.
constexpr std::array<int, kVehicleColors> kColorShares = {18, 16, 15, 14, 13, 9, 9, 6};

int draw_color(Random& random) {
  int left = random.below(100);
  for (int i = 0; i < kVehicleColors; ++i) {
    left -= kColorShares[static_cast<std::size_t>(i)];
    if (left < 0) {
      return i;
    }
  }
  return 0;
}

}  // namespace

const VehicleSize& size_of(VehicleShape shape) { return kSizes[static_cast<std::size_t>(shape)]; }

const VehicleColor& vehicle_color(int index) { return kColors[static_cast<std::size_t>(index)]; }

VehicleLook random_look(Random& random, double trucks) {
  VehicleLook look;
  const bool truck = random.chance(trucks);
  look.shape = static_cast<VehicleShape>(truck ? 5 + random.below(3) : random.below(5));
  look.color = draw_color(random);
  const double bright = random.between(0.92, 1.06);
  look.paint = vehicle_color(look.color).paint * bright;
  look.scale = random.between(0.96, 1.04);
  look.seed = random.next();
  return look;
}

}  // namespace fovea::street
