// ReduceMean over height and width of a picture (global average pooling), channels last.
#include <algorithm>
#include <array>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"ReduceMean"};
constexpr std::int64_t kBlock = 16;  // channels one thread sums at a time: one cache line of floats

/// Means of `count` channels over pixels that are `channels` apart.
void mean_block(const float* src, float* dst, std::int64_t pixels, std::int64_t channels, std::int64_t count) {
  std::array<float, kBlock> sums{};
  for (std::int64_t p = 0; p < pixels; ++p, src += channels) {
    for (std::int64_t c = 0; c < count; ++c) {
      sums[static_cast<std::size_t>(c)] += src[c];
    }
  }
  for (std::int64_t c = 0; c < count; ++c) {
    dst[c] = sums[static_cast<std::size_t>(c)] / static_cast<float>(pixels);
  }
}

/// Axes are exactly {2,3}, in any order and spelling.
bool over_height_and_width(const NodeContext& context) {
  const Tensor* axes = context.constant(1);
  if (axes == nullptr || context.input(0).shape.size() != 4 || axes->size() != 2) {
    return false;
  }
  std::vector<std::int64_t> values = to_ints(axes->view());
  for (std::int64_t& value : values) {
    value += value < 0 ? 4 : 0;
  }
  std::ranges::sort(values);
  return values == std::vector<std::int64_t>{2, 3};
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || !over_height_and_width(context) ||
      !context.node.post_ops.empty()) {
    refusal = "needs f32, axes {2,3} of rank 4 and no post-ops";
    return std::nullopt;
  }
  const Shape& shape = context.input(0).shape;
  KernelPlan plan;
  plan.kernel = "spatial_mean";
  plan.inputs = {Layout::kChannelsLast, Layout::kPlain};
  // [N,C] or [N,C,1,1]: the same bytes in both layouts.
  plan.outputs = {Layout::kPlain};
  plan.bind = [batch = shape[0], channels = shape[1],
               pixels = shape[2] * shape[3]](const Bindings& bindings) -> BoundStep {
    return [=, src = bindings.input<float>(0), dst = bindings.output<float>()](Team& team) {
      const std::int64_t blocks = (channels + kBlock - 1) / kBlock;
      team.each(batch * blocks, pixels * kBlock, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        for (std::int64_t item = first; item < last; ++item) {
          const std::int64_t n = item / blocks;
          const std::int64_t begin = item % blocks * kBlock;
          mean_block(src + n * pixels * channels + begin, dst + n * channels + begin, pixels, channels,
                     std::min(kBlock, channels - begin));
        }
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef spatial_mean_kernel;
const KernelDef spatial_mean_kernel{.name = "spatial_mean", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
