// The attributes of MVN, for kernels and passes.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/ops/attributes.hpp"

namespace fovea::ops {

enum class EpsMode : std::uint8_t { kInsideSqrt, kOutsideSqrt };

struct MvnAttributes {
  bool normalize_variance = true;
  double eps = 1e-9;
  EpsMode eps_mode = EpsMode::kInsideSqrt;   ///< Opset 6 on; before, always inside.
  bool across_channels = false;              ///< Before opset 6.
  std::vector<std::int64_t> reduction_axes;  ///< Before opset 6; empty: see across_channels.
  int opset = 6;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("normalize_variance", normalize_variance);
    visit("eps", eps);
    visit("eps_mode", eps_mode);
    visit("across_channels", across_channels);
    visit("reduction_axes", reduction_axes);
  }
  bool operator==(const MvnAttributes&) const = default;
};

/// The axes over which mean and variance are taken.
/// \param axes  Values of the second input from opset 6 on, else nullptr.
std::vector<std::size_t> mvn_axes(const MvnAttributes& attributes, std::size_t rank,
                                  const std::vector<std::int64_t>* axes);

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::EpsMode> {
  static constexpr std::array kNames = {std::pair{"inside_sqrt", ops::EpsMode::kInsideSqrt},
                                        std::pair{"outside_sqrt", ops::EpsMode::kOutsideSqrt}};
};
}  // namespace fovea
