// Convolution 3x3 with stride 1 by Winograd's method, channels last, with bias and all post-ops.
#include "engine/plugins/cpu/winograd.hpp"

#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/block_ops.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Convolution"};

// Where it pays, measured layer by layer against oneDNN's direct convolution (docs/benchmarks.md): fewer channels leave
// too little to multiply, smaller pictures waste parts of tiles, and transformed weights beyond these bytes no longer
// stay in the second-level cache.
constexpr std::int64_t kLeastChannels = 16;
constexpr std::int64_t kLeastExtent = 12;
constexpr std::int64_t kMostWeightBytes = 10 << 20;

/// A post-op that runs over finished pixels.
struct Rest {
  BlockOp op;
  enum class Operand : std::uint8_t { kNone, kSingle, kPerChannel, kFull } operand = Operand::kNone;
  std::size_t input = 0;
};

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
  const WinogradShape shape{.channels = in[1],
                            .outputs = out[1],
                            .height = in[2],
                            .width = in[3],
                            .out_height = out[2],
                            .out_width = out[3],
                            .pad_top = windows[0].pad_begin,
                            .pad_left = windows[1].pad_begin};
  constexpr std::int64_t kBytesAWeight = 36 * sizeof(float);
  if (std::min(shape.channels, shape.outputs) < kLeastChannels ||
      std::min(shape.out_height, shape.out_width) < kLeastExtent ||
      shape.channels > kMostWeightBytes / kBytesAWeight / shape.outputs) {
    refusal =
        fmt::format("{} to {} channels at {}x{}", shape.channels, shape.outputs, shape.out_width, shape.out_height);
    return std::nullopt;
  }
  return shape;
}

/// Takes the bias and a following clamp into the epilogue, as many others as possible into `rest`; the number taken.
std::size_t take_post_ops(const NodeContext& context, WinogradEpilogue& epilogue, std::vector<Rest>& rest) {
  const auto& post_ops = context.node.post_ops;
  std::size_t next = 0;
  if (context.has_bias()) {
    const auto bias = context.constant(static_cast<std::size_t>(post_ops[0].operand))->data<float>();
    std::ranges::copy(bias, epilogue.bias.begin());
    next = 1;
  }
  if (next < post_ops.size() && post_ops[next].kind == PostOpKind::kRelu && post_ops[next].alpha == 0) {
    epilogue.least = 0;
    ++next;
  } else if (next < post_ops.size() && post_ops[next].kind == PostOpKind::kClamp) {
    epilogue.least = post_ops[next].alpha;
    epilogue.most = post_ops[next].beta;
    ++next;
  }
  for (; next < post_ops.size(); ++next) {
    const PostOp& op = post_ops[next];
    Rest one{.op = {.kind = BlockOpKind::kPostOp, .post_op = op}};
    if (op.operand != kNone) {
      one.input = static_cast<std::size_t>(op.operand);
      const Shape& operand = context.input(one.input).shape;
      if (operand == context.output().shape) {
        one.operand = Rest::Operand::kFull;
      } else if (element_count(operand) == 1) {
        one.operand = Rest::Operand::kSingle;
      } else if (is_per_channel(operand, context.output().shape)) {
        one.operand = Rest::Operand::kPerChannel;
      } else {
        break;
      }
    }
    rest.push_back(one);
  }
  return next;
}

/// Shared by all requests.
struct Compiled {
  WinogradPlan plan;
  WinogradEpilogue epilogue;
  Tensor weights;
  std::vector<Rest> rest;
  std::int64_t batch = 1;
};

/// Runs the post-ops that are left over the pixels of one block, which lie in the caches still.
void finish_block(const Compiled& compiled, const Bindings& bindings, std::int64_t picture, std::int64_t block) {
  const WinogradPlan& plan = compiled.plan;
  const WinogradShape& shape = plan.shape;
  const std::int64_t first = block * plan.tiles_a_block;
  const std::int64_t last = std::min(first + plan.tiles_a_block, plan.tiles);
  for (std::int64_t tile = first; tile < last;) {
    // Tiles side by side are finished together, row by row.
    const std::int64_t row_end = std::min(last, (tile / plan.tiles_across + 1) * plan.tiles_across);
    const std::int64_t y = tile / plan.tiles_across * 4;
    const std::int64_t x = tile % plan.tiles_across * 4;
    const std::int64_t x_end = std::min(shape.out_width, x + (row_end - tile) * 4);
    for (std::int64_t i = y; i < std::min(y + 4, shape.out_height); ++i) {
      const std::int64_t at = ((picture * shape.out_height + i) * shape.out_width + x) * shape.outputs;
      const std::int64_t count = (x_end - x) * shape.outputs;
      float* const values = bindings.output<float>() + at;
      for (const Rest& rest : compiled.rest) {
        switch (rest.operand) {
          case Rest::Operand::kNone:
            apply_block(rest.op, values, nullptr, 0, static_cast<std::size_t>(count));
            break;
          case Rest::Operand::kSingle:
            apply_block(rest.op, values, bindings.input<float>(rest.input), 0, static_cast<std::size_t>(count));
            break;
          case Rest::Operand::kFull:
            apply_block(rest.op, values, bindings.input<float>(rest.input) + at, 1, static_cast<std::size_t>(count));
            break;
          case Rest::Operand::kPerChannel:
            for (std::int64_t pixel = 0; pixel < count; pixel += shape.outputs) {
              apply_block(rest.op, values + pixel, bindings.input<float>(rest.input), 1,
                          static_cast<std::size_t>(shape.outputs));
            }
            break;
        }
      }
    }
    tile = row_end;
  }
}

BoundStep bind_blocks(std::shared_ptr<const Compiled> compiled, const Bindings& bindings) {
  return [compiled = std::move(compiled), bindings](Team& team) {
    const WinogradPlan& plan = compiled->plan;
    const WinogradShape& shape = plan.shape;
    const std::int64_t picture_in = shape.height * shape.width * shape.channels;
    const std::int64_t picture_out = shape.out_height * shape.out_width * shape.outputs;
    float* const scratch = reinterpret_cast<float*>(bindings.scratch);
    team.run(static_cast<std::size_t>(compiled->batch * plan.blocks), [&](std::size_t item, int worker) {
      const std::int64_t picture = static_cast<std::int64_t>(item) / plan.blocks;
      const std::int64_t block = static_cast<std::int64_t>(item) % plan.blocks;
      run_winograd_block(plan, compiled->epilogue, compiled->weights.data<float>().data(),
                         bindings.input<float>(0) + picture * picture_in,
                         bindings.output<float>() + picture * picture_out, block,
                         scratch + static_cast<std::size_t>(worker) * plan.scratch_floats);
      finish_block(*compiled, bindings, picture, block);
    });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || context.constant(1) == nullptr || context.bf16) {
    refusal = "needs f32 and constant weights";
    return std::nullopt;
  }
  const auto shape = shape_of(context, refusal);
  if (!shape) {
    return std::nullopt;
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->plan = plan_winograd(*shape, context.threads);
  compiled->weights = pack_winograd_weights(compiled->plan, context.constant(1)->data<float>().data());
  compiled->epilogue.bias.resize(static_cast<std::size_t>(compiled->plan.padded_outputs), 0.0F);
  compiled->batch = context.input(0).shape[0];

  KernelPlan plan;
  plan.kernel = "winograd (4x4,3x3)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  plan.post_ops_done = take_post_ops(context, compiled->epilogue, compiled->rest);
  plan.scratch_bytes = compiled->plan.scratch_floats * sizeof(float) * static_cast<std::size_t>(context.threads);
  for (const Rest& rest : compiled->rest) {
    if (rest.operand == Rest::Operand::kFull) {
      plan.inputs[rest.input] = Layout::kChannelsLast;
    }
  }
  plan.bind = [compiled](const Bindings& bindings) { return bind_blocks(compiled, bindings); };
  return plan;
}

}  // namespace

extern const KernelDef winograd_kernel;
const KernelDef winograd_kernel{.name = "winograd", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
