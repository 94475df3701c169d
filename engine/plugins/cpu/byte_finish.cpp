#include "engine/plugins/cpu/byte_finish.hpp"

#include <algorithm>
#include <cmath>

namespace fovea::cpu {
namespace {

/// Relu and Clamp behind the bias as limits of steps: rounding keeps the order, so these may be rounded first.
/// \return false for other post-ops.
bool add_limits(const NodeContext& context, const Quantiser& quantiser, ByteFinish& finish) {
  const auto step = [&](float x) {
    const float stored = x * quantiser.factor[0] + quantiser.shift;
    return static_cast<std::uint8_t>(std::nearbyint(std::clamp(stored, 0.0F, quantiser.most)));
  };
  finish.most = static_cast<std::uint8_t>(quantiser.most);
  const auto& post_ops = context.node.post_ops;
  for (std::size_t i = context.has_bias() ? 1 : 0; i < post_ops.size(); ++i) {
    const PostOp& op = post_ops[i];
    std::uint8_t low = step(0);
    std::uint8_t high = finish.most;
    if (op.kind == PostOpKind::kClamp && (quantiser.factor.size() == 1 || (op.alpha == 0 && std::isinf(op.beta)))) {
      low = step(op.alpha);
      high = std::isinf(op.beta) ? high : step(op.beta);
    } else if (op.kind != PostOpKind::kRelu || op.alpha != 0) {
      return false;
    }
    if (low > high) {
      return false;
    }
    finish.least = std::clamp(finish.least, low, high);
    finish.most = std::clamp(finish.most, low, high);
  }
  finish.post_ops_done = post_ops.size();
  return true;
}

}  // namespace

std::optional<ByteFinish> make_byte_finish(const NodeContext& context, const WeightSteps& weights, double largest_sum) {
  ByteFinish finish;
  const Steps& steps = context.forms[0].steps;
  const Quantiser* const quantiser = context.quantiser;
  finish.floats = quantiser == nullptr || !add_limits(context, *quantiser, finish);
  if (finish.floats) {
    finish.post_ops_done = context.has_bias() ? 1 : 0;
  }
  const std::size_t channels = weights.scale.size();
  const std::size_t padded = (channels + kFinishedTogether - 1) / kFinishedTogether * kFinishedTogether;
  finish.factor.resize(padded, 0.0F);
  finish.shift.resize(padded, 0.0F);
  const Tensor* const bias =
      context.has_bias() ? context.constant(static_cast<std::size_t>(context.node.post_ops[0].operand)) : nullptr;
  for (std::size_t c = 0; c < channels; ++c) {
    const double step =
        finish.floats ? 1 : static_cast<double>(quantiser->factor[quantiser->factor.size() > 1 ? c : 0]);
    const double input = static_cast<double>(steps.scale[steps.scale.size() > 1 ? c : 0]);
    const double factor = static_cast<double>(weights.scale[c]) * input * step;
    const double shift = (bias == nullptr ? 0.0 : static_cast<double>(bias->data<float>()[c]) * step) +
                         (finish.floats ? 0.0 : static_cast<double>(quantiser->shift));
    constexpr double kMost = 2e9;  // of an i32
    if (!finish.floats && !(largest_sum * std::abs(factor) + std::abs(shift) < kMost)) {
      return std::nullopt;
    }
    finish.factor[c] = static_cast<float>(factor);
    finish.shift[c] = static_cast<float>(shift);
  }
  return finish;
}

}  // namespace fovea::cpu
