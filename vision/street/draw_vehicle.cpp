// Vehicles are two convex bodies each (lower body and cabin, or cab and load), with flat details on their faces.
#include "vision/street/figures.hpp"

namespace fovea::street {
namespace {

constexpr Rgb kGlass{38, 46, 56};
constexpr Rgb kTyre{22, 22, 24};
constexpr Rgb kRim{150, 152, 156};
constexpr Rgb kUnder{30, 30, 32};
constexpr Rgb kChrome{176, 178, 182};
constexpr Rgb kPlate{228, 228, 220};

/// A cross-section of a body: at y along the vehicle and height z it is 2·half wide.
struct Station {
  double y;
  double z;
  double half;
};

class Painter {
 public:
  Painter(Sketch& sketch, const VehicleLook& look, const VehicleState& state)
      : sketch_(sketch), look_(look), state_(state), size_(size_of(look.shape)), eye_(sketch.eye()) {}

  void draw() {
    const bool truck = look_.shape >= VehicleShape::kBox;
    if (truck) {
      draw_truck();
    } else {
      draw_car();
    }
    lamps();
  }

 private:
  [[nodiscard]] Vec3 at(double x, double y, double z) const { return Vec3{x, y, z} * look_.scale; }

  /// A body whose profile (convex, seen from its side) is extruded across the vehicle; `colors` are of the faces
  /// between a station and the next.
  void extrude(std::span<const Station> stations, const Rgb& sides, std::span<const Rgb> colors) {
    Vec3 middle;
    for (const Station& station : stations) {
      middle = middle + at(0, station.y, station.z) * (1.0 / static_cast<double>(stations.size()));
    }
    for (std::size_t i = 0; i < stations.size(); ++i) {
      const Station& a = stations[i];
      const Station& b = stations[i + 1 == stations.size() ? 0 : i + 1];
      const std::array quad = {at(-a.half, a.y, a.z), at(a.half, a.y, a.z), at(b.half, b.y, b.z),
                               at(-b.half, b.y, b.z)};
      sketch_.face(quad, middle, colors[i], 0.16);
    }
    for (const double side : {-1.0, 1.0}) {
      std::array<Vec3, 12> outline;
      for (std::size_t i = 0; i < stations.size(); ++i) {
        outline[i] = at(side * stations[i].half, stations[i].y, stations[i].z);
      }
      sketch_.face({outline.data(), stations.size()}, middle, sides, 0.05);
    }
  }

  /// A quad on the front (ahead) or rear face at y, from x0 to x1 and z0 to z1.
  void across(double y, double x0, double x1, double z0, double z1, const Rgb& color, bool lit = false) {
    const std::array quad = {at(x0, y, z0), at(x1, y, z0), at(x1, y, z1), at(x0, y, z1)};
    const Vec3 inside = at(0, 0, (z0 + z1) / 2);
    if (lit) {
      sketch_.lit_face(quad, inside, color);
    } else {
      sketch_.face(quad, inside, color);
    }
  }

  /// A polygon on the side at x; corners as (y, z).
  template <std::size_t kCount>
  void beside(double x, const std::array<Px, kCount>& corners, const Rgb& color) {
    std::array<Vec3, kCount> points;
    for (std::size_t i = 0; i < kCount; ++i) {
      points[i] = at(x, corners[i].x, corners[i].y);
    }
    sketch_.face(points, at(0, corners[0].x, corners[0].y), color, 0.02);
  }

  void wheel(double side, double y) {
    const double x = side * (size_.width / 2 + 0.005);
    if ((eye_.x - x * look_.scale) * side <= 0) {
      return;
    }
    const Vec3 centre = at(x, y, size_.wheel);
    sketch_.disc(at(x - side * 0.02, y, size_.wheel + 0.02), {0, 1, 0}, {0, 0, 1}, size_.wheel * 1.16 * look_.scale,
                 kUnder);
    sketch_.disc(centre, {0, 1, 0}, {0, 0, 1}, size_.wheel * look_.scale, kTyre);
    sketch_.disc(centre, {0, 1, 0}, {0, 0, 1}, size_.wheel * 0.62 * look_.scale, kRim);
    sketch_.disc(centre, {0, 1, 0}, {0, 0, 1}, size_.wheel * 0.2 * look_.scale, kUnder);
  }

  void draw_car() {
    const VehicleSize& s = size_;
    const double half = s.width / 2;
    const double front = s.length / 2;
    const double rear = -front;
    const bool van = look_.shape == VehicleShape::kVan;
    const double nose = s.waist - (van ? 0.12 : 0.20);
    const bool tail = look_.shape == VehicleShape::kSedan;
    const Rgb& paint = look_.paint;
    // Far wheels show below the body.
    sketch_.disc(at(-half * 0.8, s.front_axle, s.wheel), {0, 1, 0}, {0, 0, 1}, s.wheel * look_.scale, kTyre);
    sketch_.disc(at(half * 0.8, s.rear_axle, s.wheel), {0, 1, 0}, {0, 0, 1}, s.wheel * look_.scale, kTyre);
    const std::array<Station, 8> body = {{{front - 0.10, s.clearance, half * 0.88},
                                          {front, s.clearance + 0.22, half * 0.90},
                                          {front - 0.06, nose, half * 0.90},
                                          {s.foot_front, s.waist, half},
                                          {s.foot_rear, s.waist, half * 0.98},
                                          {rear + (tail ? 0.05 : 0.02), s.waist - (tail ? 0.05 : 0.10), half * 0.92},
                                          {rear, s.clearance + 0.22, half * 0.92},
                                          {rear + 0.10, s.clearance, half * 0.90}}};
    const Rgb bumper = paint * 0.82;
    const std::array<Rgb, 8> colors = {bumper, paint, paint, paint, paint, paint, bumper, kUnder};
    extrude(body, paint * 0.94, colors);
    for (const double side : {-1.0, 1.0}) {
      side_details(side * half, s, front, rear);
    }
    front_and_rear(front, rear, half, nose);
    cabin(half, van);
  }

  void side_details(double x, const VehicleSize& s, double front, double rear) {
    const double out = x * 1.004;
    beside<4>(out,
              {{{front - 0.3, s.clearance},
                {rear + 0.3, s.clearance},
                {rear + 0.3, s.clearance + 0.12},
                {front - 0.3, s.clearance + 0.12}}},
              kUnder);
    const double door = (s.foot_front + s.roof_front) / 2;
    for (const double y : {door, door - 1.05, door - 2.0}) {
      if (y > s.rear_axle + 0.2) {
        beside<4>(out,
                  {{{y, s.clearance + 0.15},
                    {y - 0.03, s.clearance + 0.15},
                    {y - 0.03, s.waist - 0.02},
                    {y, s.waist - 0.02}}},
                  look_.paint * 0.62);
      }
    }
    wheel(x > 0 ? 1 : -1, s.front_axle);
    wheel(x > 0 ? 1 : -1, s.rear_axle);
  }

  void front_and_rear(double front, double rear, double half, double nose) {
    const double low = size_.clearance;
    const double y = front + 0.01;
    across(y, -half * 0.62, half * 0.62, low + 0.10, low + 0.24, kUnder);
    across(y - 0.03, -half * 0.42, half * 0.42, nose - 0.24, nose - 0.10, kUnder);
    across(y + 0.005, -0.26, 0.26, low + 0.18, low + 0.29, kPlate);
    across(y - 0.03, -half * 0.88, -half * 0.52, nose - 0.22, nose - 0.08, kChrome);
    across(y - 0.03, half * 0.52, half * 0.88, nose - 0.22, nose - 0.08, kChrome);
    across(rear - 0.01, -0.26, 0.26, low + 0.30, low + 0.41, kPlate);
    across(rear - 0.012, -half * 0.8, half * 0.8, low + 0.02, low + 0.14, kUnder);
  }

  void cabin(double half, bool van) {
    const VehicleSize& s = size_;
    const double foot = half * 0.95;
    const double roof = half * (van ? 0.86 : 0.74);
    const double base = s.waist - 0.01;
    const std::array<Station, 4> stations = {{{s.foot_front, base, foot},
                                              {s.roof_front, s.height, roof},
                                              {s.roof_rear, s.height, roof},
                                              {s.foot_rear, base, foot}}};
    const Rgb glass = kGlass + sketch_.light().sky_top * 0.10;
    const Rgb rear = van ? look_.paint * 0.9 : glass;
    const std::array<Rgb, 4> colors = {glass, look_.paint, rear, look_.paint};
    extrude(stations, look_.paint * 0.9, colors);
    const auto point = [&](double side, double y_share, double z_share) {
      const double front = s.foot_front + (s.roof_front - s.foot_front) * z_share;
      const double back = s.foot_rear + (s.roof_rear - s.foot_rear) * z_share;
      return at(side * (foot + (roof - foot) * z_share) * 1.004, back + (front - back) * y_share,
                base + (s.height - base) * z_share);
    };
    const Vec3 inside = at(0, (s.foot_rear + s.foot_front) / 2, (base + s.height) / 2);
    for (const double side : {-1.0, 1.0}) {
      const double split = van ? 0.76 : 0.50;
      const std::array front = {point(side, split + 0.02, 0.1), point(side, 0.95, 0.1), point(side, 0.93, 0.86),
                                point(side, split + 0.02, 0.86)};
      sketch_.face(front, inside, glass, 0.05);
      if (!van) {
        const std::array back = {point(side, 0.07, 0.1), point(side, split - 0.02, 0.1),
                                 point(side, split - 0.02, 0.86), point(side, 0.10, 0.86)};
        sketch_.face(back, inside, glass, 0.05);
      }
    }
    // The roof's edge above the windscreen.
    if (van) {
      across(-s.length / 2 - 0.01, -0.02, 0.02, s.waist - 0.3, s.height - 0.1, look_.paint * 0.6);
      across(-s.length / 2 + 0.02, -half * 0.7, -half * 0.1, s.height - 0.75, s.height - 0.25, glass);
      across(-s.length / 2 + 0.02, half * 0.1, half * 0.7, s.height - 0.75, s.height - 0.25, glass);
    }
  }

  /// A box from y0 to y1 with walls of one colour and a lighter roof.
  void box(double y0, double y1, double z0, double z1, double half, const Rgb& color) {
    const std::array<Station, 4> stations = {{{y1, z0, half}, {y1, z1, half}, {y0, z1, half}, {y0, z0, half}}};
    const std::array<Rgb, 4> colors = {color, color * 1.04, color * 0.97, kUnder};
    extrude(stations, color, colors);
  }

  void draw_truck() {
    const VehicleSize& s = size_;
    const double front = s.length / 2;
    const double cab_rear = s.roof_rear;
    const double cab_top =
        look_.shape == VehicleShape::kTrailer ? 3.5 : (look_.shape == VehicleShape::kBox ? 2.75 : 2.8);
    chassis(front);
    // What lies farther from the camera comes first.
    if (eye_.y > cab_rear * look_.scale) {
      load(cab_rear - 0.12);
      cab(front, cab_rear, cab_top);
    } else {
      cab(front, cab_rear, cab_top);
      load(cab_rear - 0.12);
    }
  }

  void chassis(double front) {
    const VehicleSize& s = size_;
    const double half = s.width / 2;
    for (const double side : {eye_.x > 0 ? -1.0 : 1.0, eye_.x > 0 ? 1.0 : -1.0}) {
      if (side * eye_.x <= 0) {
        box(-front + 0.2, front - 0.4, s.clearance - 0.05, 1.0, half * 0.9, kUnder);
      }
      wheel(side, s.front_axle);
      wheel(side, s.rear_axle);
      if (look_.shape == VehicleShape::kTrailer) {
        wheel(side, s.rear_axle - 1.3);
        wheel(side, s.rear_axle + 1.3);
        wheel(side, 2.6);
      } else if (look_.shape == VehicleShape::kTipper) {
        wheel(side, s.rear_axle - 1.1);
      }
    }
  }

  void cab(double front, double cab_rear, double top) {
    const VehicleSize& s = size_;
    const double half = s.width / 2;
    const Rgb& paint = look_.paint;
    const std::array<Station, 5> stations = {{{front - 0.02, s.clearance, half * 0.96},
                                              {front, 1.25, half * 0.97},
                                              {front - 0.22, top, half * 0.92},
                                              {cab_rear, top + 0.05, half * 0.92},
                                              {cab_rear, s.clearance, half * 0.96}}};
    const std::array<Rgb, 5> colors = {paint * 0.95, paint, paint * 1.02, paint * 0.85, kUnder};
    extrude(stations, paint * 0.93, colors);
    const Rgb glass = kGlass + sketch_.light().sky_top * 0.10;
    const double lean = 0.22 / (top - 1.25);
    const auto windscreen_y = [&](double z) { return front - (z - 1.25) * lean + 0.01; };
    const double low = top - 1.25;
    const double high = top - 0.3;
    const std::array screen = {at(-half * 0.86, windscreen_y(low), low), at(half * 0.86, windscreen_y(low), low),
                               at(half * 0.84, windscreen_y(high), high), at(-half * 0.84, windscreen_y(high), high)};
    sketch_.face(screen, at(0, cab_rear, low), glass, 0.05);
    across(front + 0.012, -half * 0.6, half * 0.6, s.clearance + 0.3, low - 0.2, kUnder + paint * 0.25);
    across(front + 0.015, -half * 0.9, half * 0.9, s.clearance, s.clearance + 0.22, kUnder);
    across(front + 0.02, -half * 0.9, -half * 0.62, s.clearance + 0.24, s.clearance + 0.46, kChrome);
    across(front + 0.02, half * 0.62, half * 0.9, s.clearance + 0.24, s.clearance + 0.46, kChrome);
    across(front + 0.025, -0.26, 0.26, s.clearance + 0.04, s.clearance + 0.16, kPlate);
    for (const double side : {-1.0, 1.0}) {
      beside<4>(side * half * 0.965,
                {{{front - 0.25, low}, {front - 1.1, low}, {front - 1.1, high}, {front - 0.38, high}}}, glass);
      wheel(side, s.front_axle);
    }
  }

  void load(double cab_rear) {
    const VehicleSize& s = size_;
    const double half = s.width / 2;
    const double rear = -s.length / 2;
    if (look_.shape == VehicleShape::kTipper) {
      tipper_bed(rear, cab_rear, half);
      return;
    }
    const Rgb wall = mix(look_.paint, Rgb{235, 235, 232}, 0.12);
    box(rear, cab_rear, 1.05, s.height, half, wall);
    across(rear - 0.012, -0.02, 0.02, 1.1, s.height - 0.1, wall * 0.55);
    across(rear - 0.012, -half * 0.95, half * 0.95, s.height - 0.16, s.height - 0.08, wall * 0.7);
    for (const double side : {-1.0, 1.0}) {
      const double x = side * half * 1.003;
      const double ribs = look_.shape == VehicleShape::kTrailer ? 6 : 3;
      for (double i = 1; i < ribs; ++i) {
        const double y = rear + (cab_rear - rear) * i / ribs;
        beside<4>(x, {{{y, 1.1}, {y + 0.05, 1.1}, {y + 0.05, s.height - 0.1}, {y, s.height - 0.1}}}, wall * 0.8);
      }
      const bool logo = (look_.seed & 1U) != 0;
      if (logo) {
        const double y0 = rear + (cab_rear - rear) * 0.25;
        const double y1 = rear + (cab_rear - rear) * 0.75;
        beside<4>(x * 1.001, {{{y0, 1.9}, {y1, 1.9}, {y1, 2.5}, {y0, 2.5}}}, Rgb{225, 225, 220} + wall * -0.35);
      }
    }
  }

  void tipper_bed(double rear, double cab_rear, double half) {
    const Rgb steel = mix(look_.paint, Rgb{110, 112, 114}, 0.25);
    const double top = size_.height - 0.55;
    const std::array<Station, 4> stations = {{{cab_rear, 1.1, half * 0.86},
                                              {cab_rear, top + 0.3, half},
                                              {rear - 0.05, top, half},
                                              {rear + 0.25, 1.1, half * 0.86}}};
    const std::array<Rgb, 4> colors = {steel * 0.9, Rgb{96, 78, 58}, steel * 0.92, kUnder};
    extrude(stations, steel, colors);
    for (const double side : {-1.0, 1.0}) {
      for (const double share : {0.2, 0.4, 0.6, 0.8}) {
        const double y = rear + (cab_rear - rear) * share;
        const std::array rib = {at(side * half * 0.87, y, 1.15), at(side * half * 0.87, y + 0.12, 1.15),
                                at(side * half * 1.01, y + 0.12, top), at(side * half * 1.01, y, top)};
        sketch_.face(rib, at(0, y, 1.6), steel * 0.72);
      }
    }
  }

  void lamps() {
    const bool truck = look_.shape >= VehicleShape::kBox;
    const double half = size_.width / 2;
    const double front = size_.length / 2 + 0.03;
    const double rear = -size_.length / 2 - 0.02;
    const bool on = sketch_.light().headlights && !state_.parked;
    const double tail = truck ? 0.95 : size_.waist - 0.16;
    const double head =
        truck ? size_.clearance + 0.35 : size_.waist - (look_.shape == VehicleShape::kVan ? 0.27 : 0.35);
    const double tail_half = truck ? 0.14 : 0.16;
    const Rgb red = state_.braking && !state_.parked ? Rgb{255, 40, 30} : Rgb{170, 16, 16};
    for (const double side : {-1.0, 1.0}) {
      const double x = side * half * 0.76;
      const bool lit = on || (state_.braking && !state_.parked);
      across(rear, x - tail_half, x + tail_half, tail - 0.12, tail + 0.05, red, lit);
      if (on) {
        across(front, x - 0.16, x + 0.16, head - 0.07, head + 0.07, {255, 250, 232}, true);
      }
      if (on && eye_.y > front * look_.scale) {
        sketch_.glow(at(x, front, head), 0.75, Rgb{255, 244, 214} * (sketch_.light().lamps > 0 ? 0.9 : 0.45));
      } else if (on && eye_.y < rear * look_.scale) {
        sketch_.glow(at(x, rear, tail), state_.braking ? 0.5 : 0.35, Rgb{200, 30, 20} * (state_.braking ? 0.9 : 0.5));
      }
    }
  }

  Sketch& sketch_;
  const VehicleLook& look_;
  const VehicleState& state_;
  const VehicleSize& size_;
  Vec3 eye_;
};

}  // namespace

void draw_vehicle(Sketch& sketch, const VehicleLook& look, const VehicleState& state) {
  Painter(sketch, look, state).draw();
}

}  // namespace fovea::street
