// Values in whole steps: what FakeQuantize and quantised weights mean, so that products can be computed in bytes.
#pragma once

#include <optional>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea::cpu {

/// A value stored as u8: value = (stored - zero) · scale.
struct Steps {
  std::vector<float> scale;  ///< One, or one for each channel (axis 1).
  int zero = 0;
  auto operator<=>(const Steps&) const = default;
};

/// A FakeQuantize whose results are at most 256 steps with a zero among them:
/// stored = clamp(round(x · factor + shift), 0, most), halves to even.
struct Quantiser {
  std::vector<float> factor;  ///< As Steps::scale.
  float shift = 0;
  float most = 255;
  Steps steps;
};

/// nullopt when results cannot be stored so: limits that are computed, that differ along other axes than channels, or
/// whose steps miss zero.
std::optional<Quantiser> quantiser_of(const Graph& graph, const Node& node);

/// Elements in memory order as runs that share one factor, or, channels last, go once through all factors.
struct Runs {
  std::int64_t total = 0;
  std::int64_t length = 0;
  std::int64_t stride = 0;  ///< Between factors inside a run: 0 or 1.
  std::size_t factors = 1;

  /// The factor of a run's first element.
  [[nodiscard]] std::size_t factor_of(std::int64_t run) const {
    return stride == 1 ? 0 : static_cast<std::size_t>(run) % factors;
  }
};

/// \param factors  One, or as many as channels.
Runs divide_into_runs(const Shape& shape, bool channels_last, std::size_t factors);

/// Weights as i8 with a scale for each output channel.
struct WeightSteps {
  Tensor stored;  ///< i8, shape of the weights.
  std::vector<float> scale;
  Tensor rest;  ///< i8: what i8 did not hold, to be added; empty where it held all.
};

/// Weights that lie on steps already, which is what quantised models come with once constants are folded; nullopt when
/// some channel does not.
/// \param outputs   Output channels: the weights are `outputs` equal parts, one after another.
/// \param in_two    Weights of up to 254 steps are taken too, as a sum of two: unsigned bytes with a zero between have
///                  such.
std::optional<WeightSteps> steps_of_weights(const Tensor& weights, std::size_t outputs, bool in_two = false);

}  // namespace fovea::cpu
