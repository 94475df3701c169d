// Convolution 1x1 with stride 1 as a matrix product of our own, where oneDNN is slow at what follows it.
#include "engine/plugins/cpu/pointwise.hpp"

#include <omp.h>

#include <algorithm>
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Convolution"};

/// Post-ops that oneDNN 2.6 computes at a third of the speed of ours; without one of them both are equal.
bool is_costly(const FinishStep& step) {
  const PostOpKind kind = step.op.kind;
  return kind == PostOpKind::kSwish || kind == PostOpKind::kSigmoid || kind == PostOpKind::kMish ||
         kind == PostOpKind::kHSwish;
}

/// Shared by all requests.
struct Compiled {
  PointwisePlan plan;
  Finish finish;
  Tensor weights;
  int threads = 1;
};

BoundStep bind_items(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  return [compiled, operands = finish_operands(compiled->finish, bindings), src = bindings.input<float>(0),
          dst = bindings.output<float>()] {
    const PointwisePlan& plan = compiled->plan;
    const float* const weights = compiled->weights.data<float>().data();
    // Claimed one by one: a core that is busy with something else takes fewer.
#pragma omp parallel for schedule(dynamic, 1) num_threads(compiled->threads)
    for (std::int64_t item = 0; item < plan.items(); ++item) {
      run_pointwise_item(plan, compiled->finish, operands.data(), weights, src, dst, item);
    }
  };
}

bool is_plain_window(const ops::Window& window) {
  return window.stride == 1 && window.pad_begin == 0 && window.output == window.input;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Shape& weights = context.input(1).shape;
  const Shape& in = context.input(0).shape;
  if (in.size() != 4 || weights[2] != 1 || weights[3] != 1) {
    refusal = "the filter is not 1x1";
    return std::nullopt;
  }
  if (context.output().data_type != DataType::kF32 || context.constant(1) == nullptr) {
    refusal = "needs f32 and constant weights";
    return std::nullopt;
  }
  if (!std::ranges::all_of(
          ops::convolution_windows(context.node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]}, {1, 1}),
          is_plain_window)) {
    refusal = "strides or pads";
    return std::nullopt;
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->plan = plan_pointwise(in[0] * in[2] * in[3], weights[1], weights[0], context.threads);
  compiled->finish = make_finish(context, static_cast<std::size_t>(compiled->plan.padded_outputs));
  if (std::ranges::none_of(compiled->finish.steps, is_costly)) {
    refusal = "no post-op that oneDNN is slow at";
    return std::nullopt;
  }
  compiled->weights = pack_pointwise_weights(compiled->plan, context.constant(1)->data<float>().data());
  compiled->threads = context.threads;

  KernelPlan plan;
  plan.kernel = "pointwise";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  want_operand_layouts(compiled->finish, plan);
  plan.post_ops_done = covered_post_ops(context, compiled->finish);
  plan.bind = [compiled](const Bindings& bindings) { return bind_items(compiled, bindings); };
  return plan;
}

}  // namespace

extern const KernelDef pointwise_kernel;
const KernelDef pointwise_kernel{.name = "pointwise", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
