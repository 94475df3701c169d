// Convolution 3x3 with stride 1 by Winograd's method, channels last, with bias and all post-ops.
#include "engine/plugins/cpu/winograd.hpp"

#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/passes/whole_numbers.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Convolution"};

// Below, what the rule does not know (what the neighbours left in the caches) may turn a small gain into a loss.
constexpr double kLeastGain = 1.2;

/// What direct convolutions gain by bf16. Alone it is 1.9, but the rule expects too little of large weights: with 1.3
/// unet_small is 1.06 times as fast and four other networks as fast as with 1.8.
constexpr double kBf16Speed = 1.3;

/// What the convolution asks of this kernel, or why it does not suit.
std::optional<WinogradShape> shape_of(const NodeContext& context, std::string& refusal) {
  const Shape& weights = context.input(1).shape;
  const Shape& in = context.input(0).shape;
  const Shape& out = context.output().shape;
  if (in.size() != 4 || weights[2] != 3 || weights[3] != 3) {
    refusal = "the filter is not 3x3";
    return std::nullopt;
  }
  const auto windows =
      ops::convolution_windows(context.node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]}, {3, 3});
  for (const ops::Window& window : windows) {
    if (window.stride != 1 || window.dilation != 1) {
      refusal = fmt::format("stride {}, dilation {}", window.stride, window.dilation);
      return std::nullopt;
    }
  }
  return WinogradShape{.channels = in[1],
                       .outputs = out[1],
                       .height = in[2],
                       .width = in[3],
                       .out_height = out[2],
                       .out_width = out[3],
                       .pad_top = windows[0].pad_begin,
                       .pad_left = windows[1].pad_begin};
}

/// Shared by all requests.
struct Compiled {
  WinogradPlan plan;
  Finish finish;
  const float* weights = nullptr;
  std::int64_t batch = 1;
};

BoundStep bind_blocks(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  const WinogradMemory memory{.src = bindings.input<float>(0),
                              .src_stride = bindings.input_stride(0),
                              .weights = compiled->weights,
                              .dst = bindings.output<float>(),
                              .dst_stride = bindings.output_stride()};
  return [compiled, memory, operands = finish_operands(compiled->finish, bindings),
          scratch = reinterpret_cast<float*>(bindings.scratch)](Team& team) {
    const WinogradPlan& plan = compiled->plan;
    WinogradMemory with_operands = memory;
    with_operands.operands = operands.data();
    team.run(static_cast<std::size_t>(compiled->batch * plan.blocks), [&](std::size_t chunk, int worker) {
      const auto item = static_cast<std::int64_t>(chunk);
      run_winograd_block(plan, compiled->finish, with_operands, item / plan.blocks, item % plan.blocks,
                         scratch + static_cast<std::size_t>(worker) * plan.scratch_floats);
    });
  };
}

const float* pack_weights(const NodeContext& context, const WinogradPlan& division) {
  const auto fill = [&](const Tensor& weights, std::span<std::byte> packed) {
    pack_winograd_weights(division, weights.data<float>().data(), reinterpret_cast<float*>(packed.data()));
  };
  const std::span<const std::byte> packed = context.packed(winograd_form(division), *context.constant(1),
                                                           packed_winograd_floats(division) * sizeof(float), fill);
  return reinterpret_cast<const float*>(packed.data());
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || context.constant(1) == nullptr ||
      context.forms[0].stored == DataType::kU8) {
    refusal = "needs a picture stored as f32 and constant weights";
    return std::nullopt;
  }
  const auto shape = shape_of(context, refusal);
  if (!shape) {
    return std::nullopt;
  }
  if (counts_whole_numbers(context.graph, context.node)) {
    refusal = "sums of whole numbers are to stay exact";
    return std::nullopt;
  }
  const WinogradPlan division = plan_winograd(*shape, context.threads);
  const double gain = expected_gain(division, context.threads);
  if (gain < kLeastGain * (context.bf16 ? kBf16Speed : 1)) {
    refusal = fmt::format("{:.2f} times the speed of a direct convolution in f32 expected, {} to {} channels at {}x{}",
                          gain, shape->channels, shape->outputs, shape->out_width, shape->out_height);
    return std::nullopt;
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->plan = division;
  compiled->weights = pack_weights(context, division);
  compiled->finish = make_finish(context, static_cast<std::size_t>(compiled->plan.padded_outputs));
  compiled->batch = context.input(0).shape[0];

  KernelPlan plan;
  plan.kernel = "winograd (4x4,3x3)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  plan.packed = {1};
  plan.pitched = true;
  want_operand_layouts(compiled->finish, plan);
  plan.post_ops_done = covered_post_ops(context, compiled->finish);
  plan.scratch_bytes = compiled->plan.scratch_floats * sizeof(float) * static_cast<std::size_t>(context.threads);
  plan.bind = [compiled](const Bindings& bindings) { return bind_blocks(compiled, bindings); };
  return plan;
}

}  // namespace

extern const KernelDef winograd_kernel;
const KernelDef winograd_kernel{.name = "winograd", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
