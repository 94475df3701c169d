// Vectors, colours and trigonometry of the street. Only +, −, ·, / and square roots, which IEEE 754 defines to the last
// bit; libm's sine is not the same everywhere. The folder is compiled without contraction to fused multiply-add.
#pragma once

#include <algorithm>
#include <cmath>

namespace fovea::street {

inline constexpr double kPi = 3.14159265358979323846;

/// World coordinates in metres: x right, y along the street away from the camera, z up; the road is z = 0.
struct Vec3 {
  double x = 0;
  double y = 0;
  double z = 0;
};

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(const Vec3& a, double k) { return {a.x * k, a.y * k, a.z * k}; }
inline double dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(const Vec3& a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalised(const Vec3& a) {
  const double size = length(a);
  return size > 0 ? a * (1 / size) : a;
}
inline Vec3 mix(const Vec3& a, const Vec3& b, double t) { return a + (b - a) * t; }

/// A colour or an amount of light. 255 is white under full light; more is clipped when drawn.
struct Rgb {
  double r = 0;
  double g = 0;
  double b = 0;
};

inline Rgb operator+(const Rgb& a, const Rgb& b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Rgb operator*(const Rgb& a, double k) { return {a.r * k, a.g * k, a.b * k}; }
inline Rgb operator*(const Rgb& a, const Rgb& b) { return {a.r * b.r, a.g * b.g, a.b * b.b}; }
inline Rgb mix(const Rgb& a, const Rgb& b, double t) { return a * (1 - t) + b * t; }

struct Px {
  double x = 0;
  double y = 0;
};

/// Half-open rectangle in pixels.
struct Rect {
  int x0 = 0;
  int y0 = 0;
  int x1 = 0;
  int y1 = 0;

  [[nodiscard]] bool empty() const { return x1 <= x0 || y1 <= y0; }
  [[nodiscard]] long area() const { return empty() ? 0 : static_cast<long>(x1 - x0) * (y1 - y0); }
  [[nodiscard]] bool overlaps(const Rect& other) const {
    return x0 < other.x1 && other.x0 < x1 && y0 < other.y1 && other.y0 < y1;
  }
};

inline Rect intersection(const Rect& a, const Rect& b) {
  return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
}

inline double clamp01(double value) { return std::clamp(value, 0.0, 1.0); }
inline double smooth_step(double low, double high, double value) {
  const double t = clamp01((value - low) / (high - low));
  return t * t * (3 - 2 * t);
}
/// The fractional part, in [0, 1).
inline double fraction(double value) { return value - std::floor(value); }

/// Sine by its Taylor series on [−π/2, π/2]; the error is below 1e-7.
inline double sine(double radians) {
  double x = fraction(radians / (2 * kPi) + 0.5) * 2 * kPi - kPi;
  x = x > kPi / 2 ? kPi - x : (x < -kPi / 2 ? -kPi - x : x);
  const double s = x * x;
  return x * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110)))));
}
inline double cosine(double radians) { return sine(radians + kPi / 2); }

}  // namespace fovea::street
