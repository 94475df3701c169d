// Random numbers and lattice noise of the street: the same on every machine, unlike the distributions of <random>.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace fovea::street {

/// Draw at most one number an expression: C++ leaves the order of operands and arguments open, and compilers differ.
/// PCG32 (M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : increment_(stream << 1U | 1U) {
    next();
    state_ += seed;
    next();
  }

  std::uint32_t next() {
    const std::uint64_t old = state_;
    state_ = old * 6364136223846793005ULL + increment_;
    const auto mixed = static_cast<std::uint32_t>(((old >> 18U) ^ old) >> 27U);
    const auto turn = static_cast<std::uint32_t>(old >> 59U);
    return mixed >> turn | mixed << ((32U - turn) & 31U);
  }

  /// In [0, 1).
  double uniform() { return next() * (1.0 / 4294967296.0); }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  /// In [0, count).
  int below(int count) {
    return static_cast<int>(static_cast<std::uint64_t>(next()) * static_cast<std::uint64_t>(count) >> 32U);
  }
  template <class T, std::size_t kCount>
  const T& pick(const std::array<T, kCount>& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<int>(kCount)))];
  }
  bool chance(double probability) { return uniform() < probability; }

 private:
  std::uint64_t state_ = 0;
  std::uint64_t increment_;
};

/// A well mixed number from three integers (finaliser of MurmurHash3).
inline std::uint32_t hash(std::int32_t x, std::int32_t y, std::uint32_t seed) {
  std::uint32_t h =
      static_cast<std::uint32_t>(x) * 0x9E3779B1U ^ static_cast<std::uint32_t>(y) * 0x85EBCA77U ^ seed * 0xC2B2AE3DU;
  h = (h ^ (h >> 16U)) * 0x85EBCA6BU;
  h = (h ^ (h >> 13U)) * 0xC2B2AE35U;
  return h ^ (h >> 16U);
}

/// hash() in [0, 1).
inline double hash_unit(std::int32_t x, std::int32_t y, std::uint32_t seed) {
  return hash(x, y, seed) * (1.0 / 4294967296.0);
}

/// Smooth value noise in [0, 1) with lattice distance 1.
inline double noise(double x, double y, std::uint32_t seed) {
  const double fx = std::floor(x);
  const double fy = std::floor(y);
  const auto ix = static_cast<std::int32_t>(fx);
  const auto iy = static_cast<std::int32_t>(fy);
  const double u = (x - fx) * (x - fx) * (3 - 2 * (x - fx));
  const double v = (y - fy) * (y - fy) * (3 - 2 * (y - fy));
  const double top = hash_unit(ix, iy, seed) * (1 - u) + hash_unit(ix + 1, iy, seed) * u;
  const double low = hash_unit(ix, iy + 1, seed) * (1 - u) + hash_unit(ix + 1, iy + 1, seed) * u;
  return top * (1 - v) + low * v;
}

}  // namespace fovea::street
