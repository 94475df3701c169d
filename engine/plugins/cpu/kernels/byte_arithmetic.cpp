// Add and Multiply of values on steps, with limits, onto the steps of the FakeQuantize behind: residual additions,
// squeeze and excite.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Add", "Multiply"};

/// Both operands and how the second one repeats.
struct Operands {
  std::array<ByteOperand, 2> operands;  ///< Without addresses.
  std::array<std::size_t, 2> inputs{};  ///< Of the node.
  bool repeats = false;                 ///< Each pixel of a picture reads the same channels of the second.
};

/// Relu and Clamp, as limits of what is to be rounded. \return false for other post-ops.
bool add_limits(const NodeContext& context, ByteOperation& operation) {
  const Quantiser& quantiser = *context.quantiser;
  const auto limit = [&](float low, float high) {
    operation.least = std::clamp(operation.least, low, high);
    operation.most = std::clamp(operation.most, low, high);
  };
  operation.most = quantiser.most;
  return std::ranges::all_of(context.node.post_ops, [&](const PostOp& op) {
    const bool relu = op.kind == PostOpKind::kRelu && op.alpha == 0;
    if (relu) {
      limit(std::clamp(quantiser.shift, 0.0F, quantiser.most), quantiser.most);
    } else if (op.kind == PostOpKind::kClamp) {
      limit(std::clamp(op.alpha * quantiser.factor[0] + quantiser.shift, 0.0F, quantiser.most),
            std::clamp(op.beta * quantiser.factor[0] + quantiser.shift, 0.0F, quantiser.most));
    }
    return relu || op.kind == PostOpKind::kClamp;
  });
}

/// The second operand has one value for each channel of a picture.
bool is_row_of_channels(const Shape& operand, const Shape& output) {
  return output.size() == 4 && operand.size() == 4 && operand[1] == output[1] && operand[2] == 1 && operand[3] == 1 &&
         (operand[0] == output[0] || operand[0] == 1) && output[0] == 1;
}

std::optional<Operands> find_operands(const NodeContext& context) {
  Operands result;
  const Shape& shape = context.output().shape;
  const std::size_t large = context.input(0).shape == shape ? 0 : 1;
  result.inputs = {large, 1 - large};
  if (context.input(large).shape != shape) {
    return std::nullopt;
  }
  result.repeats = context.input(1 - large).shape != shape;
  if (result.repeats && !is_row_of_channels(context.input(1 - large).shape, shape)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const Form& form = context.forms[result.inputs.at(i)];
    ByteOperand& operand = result.operands.at(i);
    operand.floats = form.stored != DataType::kU8;
    if (!operand.floats) {
      if (form.steps.scale.size() > 1) {
        return std::nullopt;
      }
      operand.factor = form.steps.scale[0];
      operand.shift = -static_cast<float>(form.steps.zero) * form.steps.scale[0];
    }
  }
  return result;
}

/// What oneDNN's and our other kernels for floats would do with a value that no i32 holds, these cannot.
bool fits(const Operands& operands, const ByteOperation& operation) {
  const auto largest = [](const ByteOperand& operand) {
    return operand.floats ? 0.0F : std::max(std::abs(operand.shift), std::abs(255 * operand.factor + operand.shift));
  };
  const float a = largest(operands.operands[0]);
  const float b = largest(operands.operands[1]);
  return std::isfinite(operation.product ? a * b : a + b);
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.quantiser == nullptr || context.quantiser->factor.size() > 1 || context.own_inputs() != 2 ||
      (context.forms[0].stored != DataType::kU8 && context.forms[1].stored != DataType::kU8)) {
    return std::nullopt;  // nothing to do with bytes
  }
  auto operands = find_operands(context);
  const Quantiser& quantiser = *context.quantiser;
  ByteOperation operation{.product = context.node.op->name == "Multiply", .shift = quantiser.shift};
  if (!operands || !ops::broadcasts_like_numpy(context.node) || !add_limits(context, operation)) {
    refusal = "needs operands of the output's shape or of its channels, and post-ops that are limits";
    return std::nullopt;
  }
  for (std::size_t i = 0; i < (operation.product ? 1U : 2U); ++i) {
    operands->operands.at(i).factor *= quantiser.factor[0];
    operands->operands.at(i).shift *= quantiser.factor[0];
  }
  if (!fits(*operands, operation)) {
    refusal = "too many steps to count";
    return std::nullopt;
  }
  const Shape& shape = context.output().shape;
  const Layout layout = operands->repeats   ? Layout::kChannelsLast
                        : shape.size() == 4 ? context.forms[operands->inputs[0]].layout
                                            : Layout::kPlain;
  KernelPlan plan;
  plan.kernel = "byte_arithmetic";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  for (const std::size_t input : operands->inputs) {
    plan.inputs[input] = context.forms[input];
    plan.inputs[input].stored = context.forms[input].stored == DataType::kU8 ? DataType::kU8 : DataType::kF32;
    plan.inputs[input].layout = layout;
  }
  plan.outputs = {Form(layout, quantiser.steps)};
  plan.quantises = true;
  plan.post_ops_done = context.node.post_ops.size();
  const auto total = static_cast<std::int64_t>(element_count(shape));
  constexpr std::int64_t kBlock = 1024;
  const std::int64_t length = operands->repeats ? shape[1] : std::min(total, kBlock);
  plan.bind = [operation, operands = *operands, total, length](const Bindings& bindings) -> BoundStep {
    return [=, a_data = bindings.inputs[operands.inputs[0]], b_data = bindings.inputs[operands.inputs[1]],
            to = bindings.output<std::uint8_t>()](Team& team) {
      team.each((total + length - 1) / length, length, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        ByteOperand a = operands.operands[0];
        ByteOperand b = operands.operands[1];
        const std::int64_t begin = first * length;
        const std::int64_t count = std::min(last * length, total) - begin;
        const auto address = [&](const std::byte* data, const ByteOperand& operand) {
          return data + static_cast<std::size_t>(begin) * (operand.floats ? sizeof(float) : 1);
        };
        a.data = address(a_data, a);
        b.data = operands.repeats ? b_data : address(b_data, b);
        const auto row = static_cast<std::size_t>(operands.repeats ? length : count);
        combine_bytes(operation, a, b, static_cast<std::size_t>(count) / row, row, operands.repeats, to + begin);
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef byte_arithmetic_kernel;
const KernelDef byte_arithmetic_kernel{.name = "byte_arithmetic", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
