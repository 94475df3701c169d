#include "engine/plugins/cpu/byte_finish.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/passes/whole_numbers.hpp"

namespace fovea::cpu {
namespace {

/// value = sum · factor + shift, by channel, in double so that what is stored is rounded once.
struct Line {
  std::vector<double> factor, shift;

  void scale(std::size_t channel, double by) {
    factor[channel] *= by;
    shift[channel] *= by;
  }
};

/// Takes a constant factor or summand, of all channels or of each, into the line. \return false for other post-ops.
bool take(const NodeContext& context, const PostOp& op, Line& line) {
  const std::size_t channels = line.factor.size();
  if (op.kind == PostOpKind::kLinear) {
    for (std::size_t c = 0; c < channels; ++c) {
      line.scale(c, static_cast<double>(op.alpha));
      line.shift[c] += static_cast<double>(op.beta);
    }
    return true;
  }
  if (op.kind != PostOpKind::kAdd && op.kind != PostOpKind::kMultiply) {
    return false;
  }
  const Tensor* const operand = context.constant(static_cast<std::size_t>(op.operand));
  const Shape& output = context.output().shape;
  // Of a matrix, the last axis are the channels; [outputs] or [1, outputs] repeat over its rows.
  const bool row =
      operand != nullptr && output.size() == 2 && operand->size() == channels && operand->shape().back() == output[1];
  if (operand == nullptr || operand->data_type() != DataType::kF32 ||
      (operand->size() != 1 && !row && !(output.size() == 4 && is_per_channel(operand->shape(), output)))) {
    return false;
  }
  for (std::size_t c = 0; c < channels; ++c) {
    const auto value = static_cast<double>(operand->data<float>()[operand->size() == 1 ? 0 : c]);
    if (op.kind == PostOpKind::kAdd) {
      line.shift[c] += value;
    } else {
      line.scale(c, value);
    }
  }
  return true;
}

/// The step that x becomes, the same one in all channels; nullopt when it is not.
std::optional<std::uint8_t> step_of(float x, const Quantiser& quantiser) {
  const auto step = [&](float factor) {
    const float stored = x * factor + quantiser.shift;
    return static_cast<std::uint8_t>(std::nearbyint(std::clamp(stored, 0.0F, quantiser.most)));
  };
  const std::uint8_t first = step(quantiser.factor[0]);
  const bool same = std::ranges::all_of(quantiser.factor, [&](float factor) { return step(factor) == first; });
  return same ? std::optional(first) : std::nullopt;
}

/// Relu and Clamp as limits of steps: rounding keeps the order, so these may be rounded first.
/// \return false for other post-ops, and for limits that are not the same in all channels.
bool limit(const PostOp& op, const Quantiser& quantiser, ByteFinish& finish) {
  const bool clamp = op.kind == PostOpKind::kClamp;
  if (!clamp && (op.kind != PostOpKind::kRelu || op.alpha != 0)) {
    return false;
  }
  const auto low = step_of(clamp ? op.alpha : 0, quantiser);
  const auto high = step_of(clamp ? op.beta : std::numeric_limits<float>::infinity(), quantiser);
  if (!low || !high || *low > *high) {
    return false;
  }
  finish.least = std::clamp(finish.least, *low, *high);
  finish.most = std::clamp(finish.most, *low, *high);
  return true;
}

/// Whether the finish ends on steps: post-ops from `first` on are limits.
bool add_limits(const NodeContext& context, std::size_t first, ByteFinish& finish) {
  if (context.quantiser == nullptr) {
    return false;
  }
  const auto& post_ops = context.node.post_ops;
  finish.most = static_cast<std::uint8_t>(context.quantiser->most);
  return std::all_of(post_ops.begin() + static_cast<std::ptrdiff_t>(first), post_ops.end(),
                     [&](const PostOp& op) { return limit(op, *context.quantiser, finish); });
}

/// Divides the line among the parts of the finish. \return false when a sum or a result could be no i32.
bool bring_onto_steps(const Quantiser& quantiser, double largest_sum, Line& line, ByteFinish& finish) {
  constexpr double kMost = 2e9;  // of an i32
  const float zero = std::nearbyint(quantiser.shift);
  finish.zero = static_cast<std::int16_t>(std::abs(zero) < 32000 ? zero : 0);
  for (std::size_t c = 0; c < line.factor.size(); ++c) {
    line.scale(c, static_cast<double>(quantiser.factor[quantiser.factor.size() > 1 ? c : 0]));
    const double start = line.factor[c] == 0 ? 0 : std::nearbyint(line.shift[c] / line.factor[c]);
    if (std::abs(start) + largest_sum < kMost) {
      finish.start[c] = static_cast<std::int32_t>(start);
      line.shift[c] -= start * line.factor[c];
    }
    line.shift[c] += static_cast<double>(quantiser.shift) - finish.zero;
    if (!((largest_sum + std::abs(finish.start[c])) * std::abs(line.factor[c]) + std::abs(line.shift[c]) < kMost)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<ByteFinish> make_byte_finish(const NodeContext& context, const WeightSteps& weights, double largest_sum) {
  if (!(largest_sum < 2147483648.0)) {
    return std::nullopt;
  }
  const Steps& steps = context.forms[0].steps;
  const std::size_t channels = weights.scale.size();
  Line line{.factor = {}, .shift = std::vector<double>(channels, 0)};
  for (std::size_t c = 0; c < channels; ++c) {
    line.factor.push_back(static_cast<double>(weights.scale[c]) *
                          static_cast<double>(steps.scale[steps.scale.size() > 1 ? c : 0]));
  }
  ByteFinish finish;
  const auto& post_ops = context.node.post_ops;
  while (finish.post_ops_done < post_ops.size() && take(context, post_ops[finish.post_ops_done], line)) {
    ++finish.post_ops_done;
  }
  finish.start.resize(channels, 0);
  finish.exact = counts_whole_numbers(context.graph, context.node);
  finish.floats = !add_limits(context, finish.post_ops_done, finish);
  if (!finish.floats) {
    finish.post_ops_done = post_ops.size();
    if (!bring_onto_steps(*context.quantiser, largest_sum, line, finish)) {
      return std::nullopt;
    }
  }
  const std::size_t padded = (channels + kFinishedTogether - 1) / kFinishedTogether * kFinishedTogether;
  finish.factor.assign(line.factor.begin(), line.factor.end());
  finish.shift.assign(line.shift.begin(), line.shift.end());
  finish.start.resize(padded, 0);
  finish.factor.resize(padded, 0.0F);
  finish.shift.resize(padded, 0.0F);
  return finish;
}

}  // namespace fovea::cpu
