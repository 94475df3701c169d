#include "engine/plugins/cpu/steps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/fake_quantize.hpp"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kMostLevels = 256;
/// How far zero may lie from a step, in steps: limits are rounded to f16 in many files.
constexpr double kZeroSlack = 0.01;
/// As much for a weight.
constexpr double kWeightSlack = 0.02;
/// A step count of at most 254 times some roundings to f32.
constexpr double kExactSlack = 1e-4;

/// Values of the four limits, each repeated to `count`; empty when one is computed or has another form.
std::vector<std::vector<double>> limits_of(const Graph& graph, const Node& node, std::size_t channels) {
  std::vector<std::vector<double>> limits;
  for (std::size_t i = 1; i < 5; ++i) {
    const Tensor* constant = graph.constant(node.inputs[i]);
    if (constant == nullptr || (constant->size() != 1 && constant->size() != channels)) {
      return {};
    }
    const Shape& shape = constant->shape();
    // [1,C,1,1] or [C,1,1]
    if (constant->size() != 1 && (shape.size() < 3 || shape[shape.size() - 3] != static_cast<std::int64_t>(channels))) {
      return {};
    }
    limits.push_back(to_doubles(constant->view()));
  }
  std::size_t count = 1;
  for (const auto& limit : limits) {
    count = std::max(count, limit.size());
  }
  for (auto& limit : limits) {
    limit.resize(count, limit[0]);
  }
  return limits;
}

}  // namespace

std::optional<Quantiser> quantiser_of(const Graph& graph, const Node& node) {
  const auto& attributes = node.attrs<ops::FakeQuantizeAttributes>();
  const TensorType& type = graph.value(node.outputs[0]).type;
  if (attributes.levels > kMostLevels || type.data_type != DataType::kF32 || !node.post_ops.empty() ||
      node.inputs.size() != 5) {
    return std::nullopt;
  }
  const std::size_t channels = type.shape.size() == 4 ? static_cast<std::size_t>(type.shape[1]) : 1;
  const auto limits = limits_of(graph, node, channels);
  if (limits.empty()) {
    return std::nullopt;
  }
  const double most = static_cast<double>(attributes.levels - 1);
  Quantiser result;
  result.most = static_cast<float>(most);
  for (std::size_t c = 0; c < limits[0].size(); ++c) {
    const double in_step = (limits[1][c] - limits[0][c]) / most;
    const double out_step = (limits[3][c] - limits[2][c]) / most;
    if (!(in_step > 0) || !(out_step > 0)) {
      return std::nullopt;
    }
    const double shift = -limits[0][c] / in_step;
    const double zero = -limits[2][c] / out_step;
    if (c == 0) {
      result.shift = static_cast<float>(shift);
      result.steps.zero = static_cast<int>(std::lround(zero));
    }
    if (std::abs(zero - result.steps.zero) > kZeroSlack ||
        std::abs(shift - static_cast<double>(result.shift)) > kZeroSlack || result.steps.zero < 0 ||
        result.steps.zero >= kMostLevels) {
      return std::nullopt;
    }
    result.factor.push_back(static_cast<float>(1 / in_step));
    result.steps.scale.push_back(static_cast<float>(out_step));
  }
  return result;
}

Runs divide_into_runs(const Shape& shape, bool channels_last, std::size_t factors) {
  constexpr std::int64_t kBlock = 4096;
  Runs runs{.total = static_cast<std::int64_t>(element_count(shape)), .factors = factors};
  if (factors == 1) {
    runs.length = std::min(runs.total, kBlock);
  } else {
    runs.length = channels_last ? shape[1] : shape[2] * shape[3];
    runs.stride = channels_last ? 1 : 0;
  }
  return runs;
}

std::optional<WeightSteps> steps_of_weights(const Tensor& weights, std::size_t outputs, bool in_two) {
  WeightSteps result{.stored = Tensor(DataType::kI8, weights.shape()), .scale = {}, .rest = {}};
  constexpr long kMost = std::numeric_limits<std::int8_t>::max();
  const std::span<const float> values = weights.data<float>();
  const std::span<std::int8_t> stored = result.stored.data<std::int8_t>();
  const std::size_t part = values.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::span<const float> channel = values.subspan(o * part, part);
    float largest = 0;
    for (const float value : channel) {
      largest = std::max(largest, std::abs(value));
    }
    const auto on_steps = [&](double scale, double slack) {
      return std::ranges::all_of(channel, [&](float value) {
        const double steps = static_cast<double>(value) / scale;
        return std::abs(steps - std::nearbyint(steps)) < slack;
      });
    };
    double scale = 1;
    if (largest > 0) {
      // The largest weight may be any number of steps. Finer ones would do as well: those that i8 holds come first.
      const auto find = [&](long most, long least, double slack) {
        while (most >= least && !on_steps(static_cast<double>(largest) / static_cast<double>(most), slack)) {
          --most;
        }
        return most >= least ? most : 0;
      };
      // Whole numbers are what fixed-point models mean, and stay so: their sums are to be exact.
      const bool whole = std::ranges::all_of(channel, [](float value) { return value == std::nearbyint(value); });
      long steps = whole && largest <= static_cast<float>(in_two ? 2 * kMost : kMost) ? std::lround(largest) : 0;
      // A few weights also lie near steps that are not theirs, so exact ones come before those of rounded scales.
      for (const double slack : {kExactSlack, kWeightSlack}) {
        steps = steps == 0 ? find(kMost, 1, slack) : steps;
        steps = steps == 0 && in_two ? find(2 * kMost, kMost + 1, slack) : steps;
      }
      if (steps == 0 || !std::isfinite(largest)) {
        return std::nullopt;
      }
      scale = static_cast<double>(largest) / static_cast<double>(steps);
    }
    for (std::size_t i = 0; i < part; ++i) {
      const long stored_steps = std::lround(static_cast<double>(channel[i]) / scale);
      const long held = std::clamp(stored_steps, -kMost, kMost);
      stored[o * part + i] = static_cast<std::int8_t>(held);
      if (held != stored_steps) {
        if (result.rest.empty()) {
          result.rest = Tensor(DataType::kI8, weights.shape());
          std::ranges::fill(result.rest.data<std::int8_t>(), std::int8_t{0});
        }
        result.rest.data<std::int8_t>()[o * part + i] = static_cast<std::int8_t>(stored_steps - held);
      }
    }
    result.scale.push_back(static_cast<float>(scale));
  }
  return result;
}

}  // namespace fovea::cpu
