// Depthwise GroupConvolution of our own, with the 1x1 convolution before it and the means of its result where these
// are joined to it.
#include "engine/plugins/cpu/depthwise.hpp"

#include <array>
#include <memory>

#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/panel_weights.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"GroupConvolution"};

/// Shared by all requests.
struct Compiled {
  DepthwisePlan plan;
  std::optional<PackedFilters> expand;
  PackedFilters filters;
  std::size_t sums_at = 0;  ///< Floats into the scratch memory.
};

PackedFilters pack_filters(const NodeContext& context, std::int64_t depth) {
  const std::int64_t panel = panel_channels();
  const std::int64_t channels = context.output().shape[1];
  const auto padded = static_cast<std::size_t>((channels + panel - 1) / panel * panel);
  return {.panels = packed_panels(context, channels, depth), .finish = make_finish(context, padded)};
}

BoundStep bind(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  const float* const src = bindings.input<float>(0);
  auto* const scratch = reinterpret_cast<float*>(bindings.scratch);
  float* const means = bindings.outputs.size() > 1 ? bindings.output<float>(1) : nullptr;
  std::vector<FinishOperand> expand_operands;
  if (compiled->expand) {
    expand_operands = finish_operands(compiled->expand->finish, bindings);
  }
  return [compiled, src, scratch, means, expand_operands,
          operands = finish_operands(compiled->filters.finish, bindings), dst = bindings.output<float>()](Team& team) {
    const DepthwisePlan& plan = compiled->plan;
    float* const sums = means == nullptr ? nullptr : scratch + compiled->sums_at;
    team.run(plan.chunks(), [&](std::size_t chunk, int worker) {
      const DepthwiseMemory memory{.src = src,
                                   .dst = dst,
                                   .expand_operands = expand_operands.data(),
                                   .operands = operands.data(),
                                   .scratch = scratch + static_cast<std::size_t>(worker) * plan.scratch_floats,
                                   .sums = sums};
      run_depthwise_chunk(plan, compiled->expand ? &*compiled->expand : nullptr, compiled->filters, memory, chunk);
    });
    if (means != nullptr) {
      mean_of_sums(plan, sums, means);
    }
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const auto shape = depthwise_shape(context.graph, context.node, context.before);
  if (!shape || context.bf16 || context.forms[0].stored == DataType::kU8) {
    refusal = "needs one filter a channel, a picture stored as f32 and constant weights";
    return std::nullopt;
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->plan = plan_depthwise(*shape, context.threads);
  compiled->filters = pack_filters(context, shape->rows.kernel * shape->columns.kernel);
  compiled->sums_at = compiled->plan.scratch_floats * static_cast<std::size_t>(context.threads);

  KernelPlan plan;
  plan.inputs.assign(context.all_inputs(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.packed = {1};
  plan.outputs = {Layout::kChannelsLast};
  plan.post_ops_done = context.node.post_ops.size();
  if (context.before != nullptr) {
    const NodeContext expand{.graph = context.graph, .node = *context.before, .forms = {}, .packing = context.packing};
    compiled->expand = pack_filters(expand, shape->depth);
    want_operand_layouts(compiled->expand->finish, plan);
    shift_inputs(compiled->filters.finish, context.before->inputs.size());
    plan.packed.push_back(context.before->inputs.size() + 1);
  }
  want_operand_layouts(compiled->filters.finish, plan);
  plan.kernel = fmt::format("depthwise ({}x{}{}{})", shape->rows.kernel, shape->columns.kernel,
                            context.before == nullptr ? "" : " behind 1x1", context.means ? " with means" : "");
  plan.scratch_bytes = compiled->sums_at * sizeof(float);
  if (context.means) {
    plan.means = true;
    plan.outputs.emplace_back(Layout::kPlain);
    plan.scratch_bytes += compiled->plan.sums_floats * sizeof(float);
  }
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled))](const Bindings& bindings) {
    return bind(compiled, bindings);
  };
  return plan;
}

}  // namespace

extern const KernelDef depthwise_kernel;
const KernelDef depthwise_kernel{.name = "depthwise", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
