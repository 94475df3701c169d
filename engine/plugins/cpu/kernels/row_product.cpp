// MatMul of a single row by a constant matrix, the last step of classifiers: it waits for its weights, which are read
// as a few streams.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/ops/mat_mul.hpp"
#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/panel_weights.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"MatMul"};

/// Shared by all requests.
struct Compiled {
  std::int64_t depth = 0, outputs = 0;
  std::int64_t panels = 0;
  PackedFilters filters;
  PanelLimits limits;
};

BoundStep bind(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  return [compiled, operands = finish_operands(compiled->filters.finish, bindings), src = bindings.input<float>(0),
          dst = bindings.output<float>()](Team& team) {
    constexpr std::int64_t kMemoryBound = 4;  // a weight costs more than the multiplication by it
    const std::int64_t panel = panel_channels();
    team.each(compiled->panels, kMemoryBound * compiled->depth * panel,
              [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                const std::int64_t channel = first * panel;
                const PanelRow row{.dst = dst + channel,
                                   .stride = compiled->outputs,
                                   .channels = std::min(last * panel, compiled->outputs) - channel,
                                   .pixels = 1,
                                   .bias = compiled->filters.finish.bias.data() + channel,
                                   .addend = compiled->limits.adds ? operands[0].data + channel : nullptr,
                                   .least = compiled->limits.least,
                                   .most = compiled->limits.most};
                const PanelRest rest{.finish = &compiled->filters.finish,
                                     .first = compiled->limits.steps,
                                     .operands = operands.data(),
                                     .channel = channel};
                multiply_pixel(src, compiled->filters.panels.data() + channel * compiled->depth, compiled->depth, row,
                               rest);
              });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Shape& out = context.output().shape;
  const Tensor* const weights = context.constant(1);
  if (context.output().data_type != DataType::kF32 || out.size() != 2 || out[0] != 1 || weights == nullptr ||
      weights->shape().size() != 2 || context.bf16) {
    refusal = "needs one row of f32 and constant weights";
    return std::nullopt;
  }
  if (!can_finish(context.graph, context.node)) {
    refusal = "an operand of a post-op has another shape";
    return std::nullopt;
  }
  const bool transposed = context.node.attrs<ops::MatMulAttributes>().transpose_b;
  const std::int64_t panel = panel_channels();
  auto compiled = std::make_shared<Compiled>();
  compiled->outputs = out[1];
  compiled->depth = static_cast<std::int64_t>(weights->size()) / out[1];
  compiled->panels = (out[1] + panel - 1) / panel;
  const WeightOrder order = transposed ? WeightOrder::kOutputsFirst : WeightOrder::kDepthFirst;
  compiled->filters = {.panels = packed_panels(context, out[1], compiled->depth, order),
                       .finish = make_finish(context, static_cast<std::size_t>(compiled->panels * panel))};
  compiled->limits = limits_of(compiled->filters.finish, true);

  KernelPlan plan;
  plan.kernel = "row_product";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.packed = {1};
  plan.outputs = {Layout::kPlain};
  plan.post_ops_done = context.node.post_ops.size();
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled))](const Bindings& bindings) {
    return bind(compiled, bindings);
  };
  return plan;
}

}  // namespace

extern const KernelDef row_product_kernel;
const KernelDef row_product_kernel{.name = "row_product", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
