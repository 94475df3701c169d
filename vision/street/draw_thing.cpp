// Trees, lamps and street furniture; drawn once into the background.
#include "vision/street/figures.hpp"

namespace fovea::street {
namespace {

/// Leaf clumps from the crown's depth outwards; lower and inner ones are darker.
void draw_crown(Sketch& sketch, const Vec3& centre, double radius_xy, double radius_z, int clumps, double clump,
                Random& random) {
  const double tone = random.between(0.75, 1.15);
  const Rgb tint{random.between(0, 26), random.between(0, 12), 0};  // braces keep the order
  const Rgb base = Rgb{70, 98, 44} * tone + tint;
  for (int i = 0; i < clumps; ++i) {
    const double share = static_cast<double>(i) / clumps;
    Vec3 d{random.between(-1, 1), random.between(-1, 1), random.between(-1, 1)};
    d = normalised(d) * std::min(1.0, 0.35 + 0.75 * share);
    const double bright = 0.42 + 0.34 * share + 0.22 * d.z + random.between(-0.08, 0.08);
    sketch.ball(centre + Vec3{d.x * radius_xy, d.y * radius_xy, d.z * radius_z},
                clump * random.between(0.7, 1.2) * (1.25 - 0.6 * share), base * bright);
  }
}

void draw_tree(Sketch& sketch, const Thing& thing, Random& random) {
  const double trunk = thing.size * 0.45;
  const double lean = random.between(-0.15, 0.15);
  sketch.limb({0, 0, 0}, {lean, 0, trunk}, 0.16, 0.11, {84, 66, 50});
  sketch.limb({lean, 0, trunk * 0.85}, {lean + 0.7, 0.3, trunk + 0.9}, 0.08, 0.05, {80, 62, 48});
  sketch.limb({lean, 0, trunk * 0.9}, {lean - 0.6, -0.4, trunk + 0.8}, 0.08, 0.05, {80, 62, 48});
  const double crown = thing.size - trunk;
  draw_crown(sketch, {lean, 0, trunk + crown * 0.42}, thing.size * 0.26, crown * 0.52, 170, thing.size * 0.052, random);
}

void draw_lamp(Sketch& sketch, const Thing& thing) {
  const double side = thing.toward_road;  // local x is world x: things face along the street
  const double top = thing.size;
  sketch.limb({0, 0, 0}, {0, 0, 1.0}, 0.10, 0.09, {70, 74, 76});
  sketch.limb({0, 0, 1.0}, {0, 0, top - 0.3}, 0.07, 0.05, {84, 88, 90});
  sketch.limb({0, 0, top - 0.3}, {side * 1.0, 0, top}, 0.045, 0.04, {84, 88, 90});
  const Vec3 head{side * 1.3, 0, top - 0.05};
  sketch.limb(head - Vec3{0.3, 0, 0}, head + Vec3{0.3, 0, 0}, 0.09, 0.07, {96, 98, 98});
  if (sketch.light().lamps > 0) {
    sketch.limb(head - Vec3{0.24, 0, 0.07}, head + Vec3{0.24, 0, -0.07}, 0.07, 0.07, {1400, 1200, 860});
    sketch.glow(head, 1.7, Rgb{230, 180, 110} * sketch.light().lamps);
  }
}

void draw_sign(Sketch& sketch, const Thing& thing, Random& random) {
  const double top = thing.size;
  sketch.limb({0, 0, 0}, {0, 0, top}, 0.035, 0.035, {128, 130, 132});
  const bool round = random.chance(0.5);
  const Rgb rim = random.chance(0.6) ? Rgb{190, 24, 28} : Rgb{24, 70, 160};
  if (round) {
    sketch.disc({0, -0.04, top - 0.3}, {1, 0, 0}, {0, 0, 1}, 0.31, rim);
    sketch.disc({0, -0.05, top - 0.3}, {1, 0, 0}, {0, 0, 1}, 0.22, {232, 232, 228});
  } else {
    const std::array plate = {Vec3{-0.3, -0.04, top - 0.62}, Vec3{0.3, -0.04, top - 0.62}, Vec3{0.3, -0.04, top},
                              Vec3{-0.3, -0.04, top}};
    sketch.face(plate, {0, 0.5, top - 0.3}, rim);
    sketch.face(plate, {0, -0.5, top - 0.3}, {120, 122, 124});
  }
}

void draw_box(Sketch& sketch, const Vec3& low, const Vec3& high, const Rgb& color) {
  const Vec3 middle = mix(low, high, 0.5);
  const auto corner = [&](int i) {
    return Vec3{(i & 1) != 0 ? high.x : low.x, (i & 2) != 0 ? high.y : low.y, (i & 4) != 0 ? high.z : low.z};
  };
  constexpr std::array<std::array<int, 4>, 5> kFaces = {
      {{0, 1, 5, 4}, {2, 3, 7, 6}, {0, 2, 6, 4}, {1, 3, 7, 5}, {4, 5, 7, 6}}};
  for (const auto& f : kFaces) {
    const std::array corners = {corner(f[0]), corner(f[1]), corner(f[2]), corner(f[3])};
    sketch.face(corners, middle, color);
  }
}

void draw_bench(Sketch& sketch, const Thing& thing) {
  const double back = -0.22 * thing.toward_road;
  for (const double y : {-0.7, 0.7}) {
    draw_box(sketch, {-0.2, y - 0.04, 0}, {0.2, y + 0.04, 0.42}, {60, 62, 64});
  }
  const Rgb wood{132, 92, 56};
  draw_box(sketch, {-0.22, -0.9, 0.42}, {0.22, 0.9, 0.47}, wood);
  draw_box(sketch, {std::min(back, back * 0.8), -0.9, 0.5}, {std::max(back, back * 0.8), 0.9, thing.size}, wood * 0.9);
}

void draw_bin(Sketch& sketch, const Thing& thing, Random& random) {
  const Rgb color = random.chance(0.5) ? Rgb{52, 78, 58} : Rgb{84, 86, 90};
  sketch.limb({0, 0, 0.16}, {0, 0, thing.size - 0.2}, 0.22, 0.24, color);
  sketch.limb({0, 0, thing.size - 0.2}, {0, 0, thing.size - 0.14}, 0.26, 0.24, color * 0.6);
}

}  // namespace

void draw_thing(Sketch& sketch, const Thing& thing) {
  Random random(thing.seed, 3);
  switch (thing.kind) {
    case ThingKind::kTree:
      return draw_tree(sketch, thing, random);
    case ThingKind::kBush:
      return draw_crown(sketch, {0, 0, thing.size * 0.5}, 0.5, thing.size * 0.42, 60, 0.15, random);
    case ThingKind::kLamp:
      return draw_lamp(sketch, thing);
    case ThingKind::kSign:
      return draw_sign(sketch, thing, random);
    case ThingKind::kBollard:
      sketch.limb({0, 0, 0.05}, {0, 0, thing.size - 0.08}, 0.075, 0.07, {66, 68, 72});
      return sketch.limb({0, 0, thing.size - 0.22}, {0, 0, thing.size - 0.16}, 0.078, 0.078, {224, 222, 214});
    case ThingKind::kBin:
      return draw_bin(sketch, thing, random);
    case ThingKind::kBench:
      return draw_bench(sketch, thing);
    case ThingKind::kVehicle:
      return draw_vehicle(sketch, thing.vehicle, {.parked = true});
  }
}

}  // namespace fovea::street
