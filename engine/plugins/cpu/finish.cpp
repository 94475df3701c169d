#include "engine/plugins/cpu/finish.hpp"

#include <algorithm>

namespace fovea::cpu {

Finish make_finish(const NodeContext& context, std::size_t padded_channels) {
  Finish finish;
  finish.bias.resize(padded_channels, 0.0F);
  const auto& post_ops = context.node.post_ops;
  std::size_t next = 0;
  if (context.has_bias()) {
    std::ranges::copy(context.constant(static_cast<std::size_t>(post_ops[0].operand))->data<float>(),
                      finish.bias.begin());
    next = 1;
  }
  for (; next < post_ops.size(); ++next) {
    FinishStep step{.op = post_ops[next]};
    if (step.op.operand != kNone) {
      step.input = static_cast<std::size_t>(step.op.operand);
      const Shape& operand = context.input(step.input).shape;
      if (element_count(operand) == 1) {
        step.operand = FinishStep::Operand::kSingle;
      } else if (operand == context.output().shape) {
        step.operand = FinishStep::Operand::kFull;
      } else if (is_per_channel(operand, context.output().shape)) {
        step.operand = FinishStep::Operand::kPerChannel;
      } else {
        break;
      }
    }
    finish.steps.push_back(step);
  }
  return finish;
}

std::size_t covered_post_ops(const NodeContext& context, const Finish& finish) {
  return finish.steps.size() + (context.has_bias() ? 1 : 0);
}

std::vector<FinishOperand> finish_operands(const Finish& finish, const Bindings& bindings) {
  std::vector<FinishOperand> operands;
  for (const FinishStep& step : finish.steps) {
    operands.push_back(step.operand == FinishStep::Operand::kNone
                           ? FinishOperand()
                           : FinishOperand{bindings.input<float>(step.input), bindings.input_stride(step.input)});
  }
  return operands;
}

void shift_inputs(Finish& finish, std::size_t by) {
  for (FinishStep& step : finish.steps) {
    step.input += by;
  }
}

void want_operand_layouts(const Finish& finish, KernelPlan& plan) {
  for (const FinishStep& step : finish.steps) {
    if (step.operand == FinishStep::Operand::kFull) {
      plan.inputs[step.input] = Layout::kChannelsLast;
    }
  }
}

}  // namespace fovea::cpu
