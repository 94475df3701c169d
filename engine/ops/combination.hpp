// How an update meets the element it is scattered onto.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "engine/ops/attributes.hpp"
#include "engine/ops/binary.hpp"

namespace fovea::ops {

enum class Combination : std::uint8_t {
  kNone,  ///< The update replaces the element.
  kSum,
  kSubtract,
  kProd,
  kMin,
  kMax,
  kMean  ///< Summed here; whoever offers it divides afterwards.
};

/// T is double or std::int64_t; integers wrap around.
template <class T>
T combine(Combination reduction, T a, T b) {
  constexpr bool kIntegers = std::is_integral_v<T>;
  switch (reduction) {
    case Combination::kSum:
    case Combination::kMean:
      if constexpr (kIntegers) {
        return wrap_add(a, b);
      } else {
        return a + b;
      }
    case Combination::kSubtract:
      if constexpr (kIntegers) {
        return wrap_subtract(a, b);
      } else {
        return a - b;
      }
    case Combination::kProd:
      if constexpr (kIntegers) {
        return wrap_multiply(a, b);
      } else {
        return a * b;
      }
    case Combination::kMin:
      return std::min(a, b);
    case Combination::kMax:
      return std::max(a, b);
    case Combination::kNone:
      break;
  }
  return b;
}

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::Combination> {
  static constexpr std::array kNames = {
      std::pair{"none", ops::Combination::kNone},    std::pair{"sum", ops::Combination::kSum},
      std::pair{"sub", ops::Combination::kSubtract}, std::pair{"prod", ops::Combination::kProd},
      std::pair{"min", ops::Combination::kMin},      std::pair{"max", ops::Combination::kMax},
      std::pair{"mean", ops::Combination::kMean}};
};
}  // namespace fovea
