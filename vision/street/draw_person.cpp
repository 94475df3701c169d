// People and riders are skeletons of joints, drawn as tapered strokes from the farthest part to the nearest.
#include "vision/street/figures.hpp"

namespace fovea::street {
namespace {

constexpr std::array<Rgb, 6> kSkins = {
    {{236, 196, 168}, {224, 178, 146}, {198, 148, 112}, {160, 110, 78}, {118, 78, 54}, {84, 56, 40}}};
constexpr std::array<Rgb, 7> kHairs = {
    {{28, 24, 22}, {52, 36, 26}, {88, 60, 36}, {130, 96, 56}, {178, 146, 92}, {140, 140, 140}, {120, 50, 28}}};
constexpr std::array<Rgb, 14> kTops = {{{200, 40, 44},
                                        {36, 70, 150},
                                        {232, 230, 224},
                                        {34, 36, 40},
                                        {52, 120, 74},
                                        {226, 188, 60},
                                        {120, 124, 130},
                                        {210, 120, 150},
                                        {90, 50, 110},
                                        {60, 150, 170},
                                        {150, 100, 60},
                                        {224, 120, 40},
                                        {70, 84, 60},
                                        {180, 190, 210}}};
constexpr std::array<Rgb, 7> kLegs = {
    {{40, 52, 84}, {30, 30, 34}, {86, 86, 90}, {150, 132, 104}, {66, 84, 120}, {70, 56, 44}, {200, 196, 186}}};

struct Part {
  Vec3 from;
  Vec3 to;
  double radius_from = 0;
  double radius_to = 0;
  Rgb color;
};

/// Collects parts and draws them far to near.
class Body {
 public:
  void add(const Vec3& from, const Vec3& to, double radius_from, double radius_to, const Rgb& color) {
    if (count_ < parts_.size()) {
      parts_[count_++] = {from, to, radius_from, radius_to, color};
    }
  }

  void draw(Sketch& sketch) {
    const Vec3 eye = sketch.eye();
    const auto distance = [&](const Part& part) {
      const Vec3 d = mix(part.from, part.to, 0.5) - eye;
      return d.x * d.x + d.y * d.y;
    };
    std::stable_sort(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [&](const Part& a, const Part& b) { return distance(a) > distance(b); });
    for (std::size_t i = 0; i < count_; ++i) {
      const Part& part = parts_[i];
      sketch.limb(part.from, part.to, part.radius_from, part.radius_to, part.color);
    }
  }

 private:
  std::array<Part, 40> parts_;
  std::size_t count_ = 0;
};

/// Where the middle joint of a two-part limb is, bent toward +y (`bend` 1) or −y, parts `a` and `b` long.
Vec3 joint(const Vec3& from, const Vec3& to, double a, double b, double bend) {
  const Vec3 d = to - from;
  const double distance = std::clamp(length(d), 1e-6, (a + b) * 0.999);
  const double along = (a * a - b * b + distance * distance) / (2 * distance);
  const double off = std::sqrt(std::max(0.0, a * a - along * along));
  const Vec3 direction = normalised(d);
  const Vec3 aside = normalised(cross({1, 0, 0}, direction));
  return from + direction * along + aside * (off * bend);
}

void draw_head(Body& body, const PersonLook& look, const Vec3& neck, double head, bool helmet) {
  const Vec3 centre = neck + Vec3{0, 0.01, head * 1.25};
  body.add(neck + Vec3{0, 0, -head * 0.3}, neck + Vec3{0, 0, head * 0.5}, head * 0.5, head * 0.5, look.skin);
  // The hair lies behind and above the face, so that direction shows which of them is seen.
  body.add(centre + Vec3{0, head * 0.18, -head * 0.12}, centre + Vec3{0, head * 0.22, head * 0.05}, head * 0.86,
           head * 0.84, look.skin);
  const Rgb cap = look.hat || helmet ? look.extra : look.hair;
  body.add(centre + Vec3{0, -head * 0.22, head * 0.12}, centre + Vec3{0, -head * 0.12, head * 0.28}, head * 0.95,
           head * 0.95, cap);
  body.add(centre + Vec3{0, head * 0.22, head * 0.62}, centre + Vec3{0, -head * 0.2, head * 0.6}, head * 0.55,
           head * 0.6, cap);
  if (look.long_hair && !helmet) {
    body.add(centre + Vec3{0, -head * 0.45, 0}, centre + Vec3{0, -head * 0.55, -head * 1.7}, head * 0.85, head * 0.7,
             look.hair);
  }
}

}  // namespace

PersonLook random_person(Random& random) {
  PersonLook look;
  look.child = random.chance(0.12);
  look.height = look.child ? random.between(1.05, 1.45) : random.between(1.55, 1.95);
  look.girth = random.between(0.88, 1.22);
  look.skirt = random.chance(0.15);
  look.coat = random.chance(0.22);
  look.long_hair = random.chance(0.4);
  look.hat = random.chance(0.15);
  look.backpack = random.chance(0.22);
  look.bag = random.chance(0.25);
  look.umbrella = random.chance(0.4);
  look.skin = random.pick(kSkins);
  look.hair = random.pick(kHairs);
  look.top = random.pick(kTops);
  look.top = look.top * random.between(0.8, 1.08);
  look.legs = random.pick(kLegs);
  look.legs = look.legs * random.between(0.8, 1.1);
  look.shoes = random.chance(0.3) ? Rgb{210, 210, 206} : Rgb{34, 30, 28};
  look.extra = random.pick(kTops);
  return look;
}

void draw_person(Sketch& sketch, const PersonLook& look, double phase, double stride) {
  const double h = look.height;
  const double wide = h * look.girth;
  const double swing = 0.50 * stride;
  const double bob = 0.012 * h * stride * cosine(2 * phase);
  const double thigh = 0.245 * h;
  const double shin = 0.245 * h;
  const double hip_z = 0.525 * h + bob;
  const double shoulder_z = 0.815 * h + bob;
  const Rgb sleeves = look.coat ? look.top * 0.92 : look.top * 0.95;
  Body body;
  for (const double side : {-1.0, 1.0}) {
    const double cycle = side > 0 ? phase : phase + kPi;
    const double angle = swing * sine(cycle);
    const double flex = std::min(1.1, 0.10 + 0.85 * stride * std::max(0.0, cosine(cycle + 0.35)));
    const Vec3 hip{side * 0.052 * wide, 0, hip_z};
    const Vec3 knee = hip + Vec3{0, thigh * sine(angle + 0.35 * flex), -thigh * cosine(angle + 0.35 * flex)};
    const double shin_angle = angle - 0.65 * flex;
    const Vec3 foot = knee + Vec3{0, shin * sine(shin_angle), -shin * cosine(shin_angle)};
    const Rgb leg = side > 0 ? look.legs : look.legs * 0.9;
    const Rgb bare = look.skirt && !look.coat ? look.skin : leg;
    body.add(hip, knee, 0.052 * wide, 0.037 * wide, leg);
    body.add(knee, foot, 0.036 * wide, 0.024 * wide, bare);
    body.add(foot + Vec3{0, -0.01 * h, -0.005 * h}, foot + Vec3{0, 0.075 * h, -0.018 * h}, 0.024 * h, 0.017 * h,
             look.shoes);
    const double arm_angle = -0.85 * swing * sine(cycle);
    const Vec3 shoulder{side * 0.105 * wide, 0, shoulder_z};
    const Vec3 elbow = shoulder + Vec3{side * 0.022 * h, 0.17 * h * sine(arm_angle), -0.17 * h * cosine(arm_angle)};
    const double lower = arm_angle + 0.25 + 0.5 * std::max(0.0, stride - 0.9);
    const Vec3 hand = elbow + Vec3{side * 0.004 * h, 0.155 * h * sine(lower), -0.155 * h * cosine(lower)};
    body.add(shoulder, elbow, 0.034 * wide, 0.028 * wide, sleeves);
    body.add(elbow, hand, 0.027 * wide, 0.021 * wide, sleeves * 0.96);
    body.add(hand, hand + Vec3{0, 0.01 * h, -0.025 * h}, 0.021 * h, 0.018 * h, look.skin);
    // Half a torso a side: seen from ahead they stand beside each other, from the side in front of each other.
    body.add({side * 0.058 * wide, 0, shoulder_z - 0.03 * h}, {side * 0.042 * wide, 0, hip_z + 0.01 * h}, 0.060 * wide,
             0.056 * wide, side > 0 ? look.top : look.top * 0.95);
    if (look.skirt || look.coat) {
      body.add({side * 0.035 * wide, 0, hip_z + 0.04 * h}, {side * 0.045 * wide, 0.1 * h * sine(angle) * 0.5, 0.34 * h},
               0.055 * wide, 0.075 * wide, look.coat ? look.top * 0.97 : look.legs);
    }
    if (look.bag && side > 0) {
      body.add(hand + Vec3{0.02, 0, -0.06 * h}, hand + Vec3{0.02, 0, -0.15 * h}, 0.05 * h, 0.06 * h, look.extra);
    }
  }
  body.add({0, 0.005 * h, shoulder_z - 0.04 * h}, {0, 0, hip_z + 0.03 * h}, 0.068 * wide, 0.06 * wide, look.top);
  if (look.backpack) {
    body.add({0, -0.095 * h, shoulder_z - 0.04 * h}, {0, -0.10 * h, shoulder_z - 0.2 * h}, 0.07 * h, 0.075 * h,
             look.extra * 0.9);
  }
  const double head = (look.child ? 0.076 : 0.064) * h;
  draw_head(body, look, {0, 0.012 * h, shoulder_z + 0.035 * h}, head, false);
  body.draw(sketch);
}

void draw_umbrella(Sketch& sketch, const PersonLook& look) {
  const double top = look.height + 0.32;
  sketch.limb({0.16, 0.12, look.height * 0.62}, {0.16, 0.1, top}, 0.012, 0.012, {60, 60, 64});
  constexpr int kRibs = 8;
  const Vec3 tip{0.12, 0.08, top};
  const Vec3 inside{0.12, 0.08, top - 0.5};
  for (int i = 0; i < kRibs; ++i) {
    const double a = i * 2 * kPi / kRibs;
    const double b = (i + 1) * 2 * kPi / kRibs;
    const std::array corners = {
        tip, tip + Vec3{0.33 * cosine(a), 0.33 * sine(a), -0.08}, tip + Vec3{0.55 * cosine(a), 0.55 * sine(a), -0.26},
        tip + Vec3{0.55 * cosine(b), 0.55 * sine(b), -0.26}, tip + Vec3{0.33 * cosine(b), 0.33 * sine(b), -0.08}};
    sketch.face(corners, inside, look.extra * (i % 2 == 0 ? 1.0 : 0.86), 0.1);
  }
}

void draw_cyclist(Sketch& sketch, const PersonLook& look, double phase) {
  constexpr Rgb kTyre{26, 26, 28};
  constexpr double kWheel = 0.345;
  constexpr Vec3 kAhead{0, 1, 0};
  constexpr Vec3 kUp{0, 0, 1};
  const Vec3 rear{0, -0.52, kWheel};
  const Vec3 front{0, 0.54, kWheel};
  const Vec3 crank{0, -0.08, 0.30};
  const Vec3 saddle{0, -0.24, 0.93};
  const Vec3 steer{0, 0.40, 0.96};
  for (const Vec3& hub : {rear, front}) {
    sketch.ring(hub, kAhead, kUp, kWheel, kWheel - 0.05, kTyre);
    sketch.limb(hub + Vec3{-0.025, -0.03, 0}, hub + Vec3{0.025, 0.03, 0}, 0.03, 0.03, {120, 120, 124});
    // Seen along the street a wheel is a thin upright stroke.
    sketch.limb(hub + kUp * (kWheel - 0.03), hub - kUp * (kWheel - 0.03), 0.02, 0.02, {70, 70, 74});
  }
  const Rgb frame = look.extra;
  sketch.limb(crank, saddle, 0.022, 0.02, frame);
  sketch.limb(crank, steer + Vec3{0, -0.04, -0.12}, 0.024, 0.024, frame);
  sketch.limb(saddle + Vec3{0, 0.04, -0.14}, steer + Vec3{0, -0.03, -0.05}, 0.02, 0.02, frame);
  sketch.limb(rear, crank, 0.018, 0.018, frame);
  sketch.limb(front, steer, 0.018, 0.018, frame * 0.9);

  const double h = look.height / 1.75;
  Body body;
  const Vec3 hips = saddle + Vec3{0, 0.02, 0.08};
  const Vec3 chest = hips + Vec3{0, 0.30 * h, 0.44 * h};
  for (const double side : {-1.0, 1.0}) {
    const double cycle = side > 0 ? phase : phase + kPi;
    const Vec3 foot = crank + Vec3{side * 0.11, 0.17 * cosine(cycle), 0.03 + 0.17 * sine(cycle)};
    const Vec3 hip = hips + Vec3{side * 0.09, 0, 0};
    const Vec3 knee = joint(hip, foot, 0.43 * h, 0.44 * h, -1);
    const Rgb leg = side > 0 ? look.legs : look.legs * 0.9;
    body.add(hip, knee, 0.085, 0.06, leg);
    body.add(knee, foot + Vec3{0, -0.03, 0.05}, 0.058, 0.042, look.skirt ? look.skin : leg);
    body.add(foot + Vec3{0, -0.06, 0.01}, foot + Vec3{0, 0.11, 0}, 0.042, 0.032, look.shoes);
    const Vec3 shoulder = chest + Vec3{side * 0.17 * look.girth, 0, 0};
    const Vec3 grip = steer + Vec3{side * 0.26, 0.02, 0.06};
    const Vec3 elbow = mix(shoulder, grip, 0.5) + Vec3{side * 0.06, -0.03, -0.08};
    body.add(shoulder, elbow, 0.058, 0.046, look.top * 0.95);
    body.add(elbow, grip, 0.044, 0.036, look.top * 0.92);
    body.add(chest + Vec3{side * 0.085, 0, -0.02}, hips + Vec3{side * 0.07, 0, 0.02}, 0.105 * look.girth, 0.10,
             side > 0 ? look.top : look.top * 0.95);
  }
  body.add(steer + Vec3{-0.28, 0, 0.06}, steer + Vec3{0.28, 0, 0.06}, 0.018, 0.018, {40, 40, 42});
  if (look.backpack) {
    body.add(chest + Vec3{0, -0.17, 0.02}, hips + Vec3{0, -0.02, 0.22}, 0.12, 0.13, look.extra * 0.8);
  }
  draw_head(body, look, chest + Vec3{0, 0.06, 0.09 * h}, 0.112 * h, true);
  body.draw(sketch);
}

}  // namespace fovea::street
