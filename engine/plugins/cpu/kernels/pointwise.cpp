// 1x1 convolutions of our own, channels last: pixels times panels of output channels, finished while they are in the
// first cache. Factors of the input channels that are joined to it go into a copy of the weights; pixels that a stride
// skips are left out of a copy of the picture.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/panel_weights.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Convolution"};

/// Shared by all requests. A chunk is a block of pixels times a group of panels.
struct Compiled {
  std::int64_t pixels = 0, depth = 0, outputs = 0;
  std::int64_t block = 0, blocks = 1;  ///< Pixels.
  std::int64_t group = 0, groups = 1;  ///< Panels.
  std::int64_t panels = 0;
  PackedFilters filters;
  PanelLimits limits;
  Shape picture;  ///< Shape of the input.
  Shape result;   ///< Of the output.
  PointwiseStrides strides;

  /// Some pixels are not read; the others are copied first.
  [[nodiscard]] bool skips() const { return picture[2] != result[2] || picture[3] != result[3]; }
};

struct Memory {
  const float* src = nullptr;
  std::int64_t src_stride = 0;  ///< Floats from pixel to pixel.
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
  const float* weights = nullptr;
  std::vector<FinishOperand> operands;
};

void run_chunk(const Compiled& compiled, const Memory& memory, std::int64_t block, std::int64_t group) {
  const std::int64_t first = block * compiled.block;
  const std::int64_t channel = group * compiled.group * panel_channels();
  const bool adds = compiled.limits.adds;
  const PanelRow row{.dst = memory.dst + first * memory.dst_stride + channel,
                     .stride = memory.dst_stride,
                     .channels = std::min(compiled.group * panel_channels(), compiled.outputs - channel),
                     .pixels = std::min(compiled.block, compiled.pixels - first),
                     .bias = compiled.filters.finish.bias.data() + channel,
                     .addend = adds ? memory.operands[0].data + first * memory.operands[0].stride + channel : nullptr,
                     .addend_stride = adds ? memory.operands[0].stride : 0,
                     .least = compiled.limits.least,
                     .most = compiled.limits.most};
  const PanelRest rest{.finish = &compiled.filters.finish,
                       .first = compiled.limits.steps,
                       .operands = memory.operands.data(),
                       .channel = channel,
                       .pixel = first};
  const float* const weights = memory.weights + channel * compiled.depth;
  if (compiled.pixels == 1) {
    multiply_pixel(memory.src, weights, compiled.depth, row, rest);
  } else {
    multiply_rows({.data = memory.src + first * memory.src_stride, .stride = memory.src_stride}, weights,
                  compiled.depth, row, rest);
  }
}

void divide(Compiled& compiled, int threads) {
  constexpr std::int64_t kInputFloats = 48 * 1024;  // of a block: in the second-level cache beside a panel
  constexpr std::int64_t kLeastPixels = 28;
  constexpr std::int64_t kMostPixels = 196;
  constexpr std::int64_t kNearWeights = 64 * 1024;
  // Weights that stay in the second-level cache may be read again and again; results then go to memory in order.
  const std::int64_t most = compiled.depth * compiled.outputs <= kNearWeights
                                ? 2 * kLeastPixels
                                : std::clamp(kInputFloats / compiled.depth, kLeastPixels, kMostPixels);
  compiled.blocks = (compiled.pixels + most - 1) / most;
  compiled.block = (compiled.pixels + compiled.blocks - 1) / compiled.blocks;
  compiled.group = compiled.panels;
  if (threads > 1) {
    constexpr double kLeastFlops = 1e6;  // of a chunk
    const double flops = 2.0 * static_cast<double>(compiled.pixels * compiled.depth * compiled.outputs) *
                         (compiled.pixels == 1 ? 8 : 1);  // a single pixel waits for its weights
    const auto worth = static_cast<std::int64_t>(flops / kLeastFlops) + 1;
    const std::int64_t wanted = std::min<std::int64_t>(threads * kChunksAThread, worth);
    const std::int64_t groups =
        std::clamp((wanted + compiled.blocks - 1) / compiled.blocks, std::int64_t{1}, compiled.panels);
    compiled.group = (compiled.panels + groups - 1) / groups;
  }
  compiled.groups = (compiled.panels + compiled.group - 1) / compiled.group;
}

/// Copies the pixels [first, last) that are read, counted through the batch.
void gather_pixels(const Compiled& compiled, const float* src, std::int64_t stride, std::int64_t first,
                   std::int64_t last, float* to) {
  const std::int64_t width = compiled.result[3];
  const std::int64_t height = compiled.result[2];
  for (std::int64_t pixel = first; pixel < last; ++pixel) {
    const std::int64_t y = pixel / width % height * compiled.strides.rows;
    const std::int64_t x = pixel % width * compiled.strides.columns;
    const std::int64_t n = pixel / width / height;
    const float* const from = src + ((n * compiled.picture[2] + y) * compiled.picture[3] + x) * stride;
    std::copy_n(from, compiled.depth, to + pixel * compiled.depth);
  }
}

/// Makes the copy of the weights or of the picture that the chunks read.
void prepare(const Compiled& compiled, const float* src, std::int64_t stride, const float* factors, float* copy,
             Team& team) {
  if (factors != nullptr) {
    const std::int64_t panel = compiled.depth * panel_channels();
    const float* const weights = compiled.filters.panels.data();
    team.each(compiled.panels, panel, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      scale_panels(weights + first * panel, factors, compiled.depth, last - first, copy + first * panel);
    });
  } else if (compiled.skips()) {
    team.each(compiled.pixels, compiled.depth, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      gather_pixels(compiled, src, stride, first, last, copy);
    });
  }
}

BoundStep bind(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings, std::size_t picture,
               const float* factors) {
  Memory memory{.src = bindings.input<float>(picture),
                .src_stride = bindings.input_stride(picture),
                .dst = bindings.output<float>(),
                .dst_stride = bindings.output_stride(),
                .weights = compiled->filters.panels.data(),
                .operands = finish_operands(compiled->filters.finish, bindings)};
  const float* const src = memory.src;
  const std::int64_t stride = memory.src_stride;
  auto* const copy = reinterpret_cast<float*>(bindings.scratch);
  if (factors != nullptr) {
    memory.weights = copy;
  } else if (compiled->skips()) {
    memory.src = copy;
    memory.src_stride = compiled->depth;
  }
  return [compiled, memory, src, stride, factors, copy](Team& team) {
    prepare(*compiled, src, stride, factors, copy, team);
    team.run(static_cast<std::size_t>(compiled->blocks * compiled->groups), [&](std::size_t chunk, int /*worker*/) {
      const auto index = static_cast<std::int64_t>(chunk);
      run_chunk(*compiled, memory, index / compiled->groups, index % compiled->groups);
    });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const auto strides = strides_of_pointwise(context.graph, context.node);
  // A single pixel waits for weights and little else: not worth the conversions around it.
  const bool single = element_count(context.output().shape) == static_cast<std::size_t>(context.output().shape[1]);
  if (!strides || (context.bf16 && !single) || context.forms[0].stored != DataType::kF32) {
    refusal = "needs a 1x1 filter without padding, a picture stored as f32 and constant weights";
    return std::nullopt;
  }
  if (!can_finish(context.graph, context.node)) {
    refusal = "an operand of a post-op has another shape";
    return std::nullopt;
  }
  const Shape& out = context.output().shape;
  const std::int64_t panel = panel_channels();
  auto compiled = std::make_shared<Compiled>();
  compiled->pixels = out[0] * out[2] * out[3];
  compiled->depth = context.input(0).shape[1];
  compiled->picture = context.input(0).shape;
  compiled->result = out;
  compiled->strides = *strides;
  compiled->outputs = out[1];
  compiled->panels = (out[1] + panel - 1) / panel;
  compiled->filters = {.panels = packed_panels(context, out[1], compiled->depth),
                       .finish = make_finish(context, static_cast<std::size_t>(compiled->panels * panel))};
  compiled->limits = limits_of(compiled->filters.finish, true);
  divide(*compiled, context.threads);

  KernelPlan plan;
  plan.kernel = "pointwise";
  plan.pitched = true;
  plan.inputs.assign(context.all_inputs(), Layout::kPlain);
  plan.outputs = {Layout::kChannelsLast};
  plan.post_ops_done = context.node.post_ops.size();
  std::size_t picture = 0;
  if (context.before != nullptr) {
    picture = *scaled_input(context.graph, *context.before);
    plan.kernel = "pointwise behind multiply";
    plan.scratch_bytes = compiled->filters.panels.size_bytes();
    shift_inputs(compiled->filters.finish, context.before->inputs.size());
  }
  if (compiled->skips()) {
    plan.scratch_bytes = static_cast<std::size_t>(compiled->pixels * compiled->depth) * sizeof(float);
  }
  plan.packed = {(context.before == nullptr ? 0 : context.before->inputs.size()) + 1};
  plan.inputs[picture] = Layout::kChannelsLast;
  want_operand_layouts(compiled->filters.finish, plan);
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled)), picture,
               scaled = context.before != nullptr](const Bindings& bindings) {
    return bind(compiled, bindings, picture, scaled ? bindings.input<float>(1 - picture) : nullptr);
  };
  return plan;
}

}  // namespace

extern const KernelDef pointwise_kernel;
const KernelDef pointwise_kernel{.name = "pointwise", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
