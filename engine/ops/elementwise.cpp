#include "engine/ops/elementwise.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fovea {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// ln(1+exp(x)) without overflow for large x.
double soft_plus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

}  // namespace

double apply(const PostOp& op, double x, double operand) {
  const double alpha = op.alpha;
  const double beta = op.beta;
  switch (op.kind) {
    case PostOpKind::kRelu:
      if (alpha == 0) {
        return x < 0 ? 0 : x;  // keeps NaN; alpha * -inf would make one
      }
      return x >= 0 ? x : alpha * x;
    case PostOpKind::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case PostOpKind::kClamp:
      return std::min(std::max(x, alpha), beta);
    case PostOpKind::kSigmoid:
      return sigmoid(x);
    case PostOpKind::kTanh:
      return std::tanh(x);
    case PostOpKind::kExp:
      return std::exp(x);
    case PostOpKind::kAbs:
      return std::abs(x);
    case PostOpKind::kSqrt:
      return std::sqrt(x);
    case PostOpKind::kSwish:
      return x * sigmoid(alpha * x);
    case PostOpKind::kHSwish:
      return x * std::clamp(x + 3.0, 0.0, 6.0) / 6.0;
    case PostOpKind::kHSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case PostOpKind::kMish:
      return x * std::tanh(soft_plus(x));
    case PostOpKind::kSoftPlus:
      return soft_plus(x);
    case PostOpKind::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case PostOpKind::kGeluTanh: {
      // Constants of the tanh approximation, https://arxiv.org/abs/1606.08415 section 2.
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case PostOpKind::kLinear:
      return alpha * x + beta;
    case PostOpKind::kAdd:
      return x + operand;
    case PostOpKind::kMultiply:
      return x * operand;
    case PostOpKind::kPRelu:
      return x >= 0 ? x : operand * x;
  }
  return x;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1 && da != kDynamic && db != kDynamic) {
      fail(ErrorCode::kInvalidModel, "shapes {} and {} do not broadcast", to_string(a), to_string(b));
    }
    // A dynamic extent against a known one above 1 can only be that one, or 1.
    const bool second = da == 1 || (da == kDynamic && db != 1);
    result[result.size() - 1 - i] = second ? db : da;
  }
  return result;
}

Broadcast::Broadcast(const Shape& input, const Shape& output) {
  if (broadcast_shapes(input, output) != output) {
    fail(ErrorCode::kInvalidModel, "shape {} does not broadcast to {}", to_string(input), to_string(output));
  }
  // Neighbouring axes that are walked alike become one, so that the usual cases need one or two divisions.
  const Shape strides = row_major_strides(input);
  const std::size_t lead = output.size() - input.size();
  Shape extents;
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (output[i] == 1) {
      continue;
    }
    const std::int64_t stride = i < lead || input[i - lead] == 1 ? 0 : strides[i - lead];
    if (!extents.empty() && input_strides_.back() == stride * output[i]) {
      extents.back() *= output[i];
      input_strides_.back() = stride;
    } else {
      extents.push_back(output[i]);
      input_strides_.push_back(stride);
    }
  }
  output_strides_ = row_major_strides(extents);
}

std::size_t Broadcast::operator()(std::size_t output_index) const {
  auto rest = static_cast<std::int64_t>(output_index);
  std::int64_t index = 0;
  for (std::size_t i = 0; i < output_strides_.size(); ++i) {
    if (output_strides_[i] == 1) {
      index += rest * input_strides_[i];
      break;
    }
    index += rest / output_strides_[i] * input_strides_[i];
    rest %= output_strides_[i];
  }
  return static_cast<std::size_t>(index);
}

void apply_post_ops(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output) {
  if (node.post_ops.empty()) {
    return;
  }
  std::vector<double> values = to_doubles(output);
  for (const PostOp& op : node.post_ops) {
    if (op.operand == kNone) {
      std::ranges::transform(values, values.begin(), [&](double x) { return apply(op, x); });
      continue;
    }
    const ConstTensorView& operand = inputs[static_cast<std::size_t>(op.operand)];
    const std::vector<double> operands = to_doubles(operand);
    const Broadcast index(operand.shape(), output.shape());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = apply(op, values[i], operands[index(i)]);
    }
  }
  store(output, values);
}

}  // namespace fovea
