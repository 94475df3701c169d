// ReduceMean over height and width of a picture (global average pooling), channels last.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"ReduceMean"};
constexpr std::int64_t kBlock = 16;  // channels one thread sums at a time: one cache line of floats

float to_float(float value) { return value; }
float to_float(std::uint16_t bf16) { return std::bit_cast<float>(static_cast<std::uint32_t>(bf16) << 16); }

/// Means of `count` channels over pixels that are `channels` apart. \tparam Stored  float, or std::uint16_t: bf16.
template <class Stored>
void mean_block(const Stored* src, float* dst, std::int64_t pixels, std::int64_t channels, std::int64_t count) {
  std::array<float, kBlock> sums{};
  for (std::int64_t p = 0; p < pixels; ++p, src += channels) {
    for (std::int64_t c = 0; c < count; ++c) {
      sums[static_cast<std::size_t>(c)] += to_float(src[c]);
    }
  }
  for (std::int64_t c = 0; c < count; ++c) {
    dst[c] = sums[static_cast<std::size_t>(c)] / static_cast<float>(pixels);
  }
}

/// The same of bytes: exact sums, then `factor` and `shift`; onto steps up to `most` if `stored`.
struct ByteMean {
  float factor = 1, shift = 0, most = 0;
  bool stored = false;

  void operator()(const std::uint8_t* src, std::byte* dst, std::int64_t pixels, std::int64_t channels,
                  std::int64_t count) const {
    std::array<std::uint32_t, kSummedTogether> sums{};
    sum_byte_rows(src, pixels, channels, count, sums.data());
    for (std::int64_t c = 0; c < count; ++c) {
      const float mean = static_cast<float>(sums[static_cast<std::size_t>(c)]) * factor + shift;
      if (stored) {
        dst[c] = static_cast<std::byte>(std::lrint(std::clamp(mean, 0.0F, most)));
      } else {
        reinterpret_cast<float*>(dst)[c] = mean;
      }
    }
  }
};

/// Calls body(index of a block's first value, index of its first mean, channels) for blocks of `length` channels.
template <class Body>
void each_block(Team& team, std::int64_t batch, std::int64_t channels, std::int64_t pixels, std::int64_t length,
                const Body& body) {
  const std::int64_t blocks = (channels + length - 1) / length;
  team.each(batch * blocks, pixels * length, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
    for (std::int64_t item = first; item < last; ++item) {
      const std::int64_t n = item / blocks;
      const std::int64_t begin = item % blocks * length;
      body(n * pixels * channels + begin, n * channels + begin, std::min(length, channels - begin));
    }
  });
}

/// nullopt when the picture does not lie in bytes, or in too many for sums of 32 bits.
std::optional<KernelPlan> plan_bytes(const NodeContext& context) {
  const Shape& shape = context.input(0).shape;
  const Steps& steps = context.forms[0].steps;
  const std::int64_t pixels = shape[2] * shape[3];
  if (context.forms[0].stored != DataType::kU8 || steps.scale.size() > 1 || pixels > (1 << 24)) {
    return std::nullopt;
  }
  const Quantiser* const behind =
      context.quantiser != nullptr && context.quantiser->factor.size() == 1 ? context.quantiser : nullptr;
  KernelPlan plan;
  plan.kernel = "spatial_mean (u8)";
  plan.inputs = {Form(Layout::kChannelsLast, steps), Layout::kPlain};
  plan.outputs = {behind != nullptr ? Form(Layout::kPlain, behind->steps) : Form()};
  plan.quantises = behind != nullptr;
  ByteMean mean{.factor = steps.scale[0] / static_cast<float>(pixels),
                .shift = -static_cast<float>(steps.zero) * steps.scale[0]};
  if (behind != nullptr) {
    mean = {.factor = mean.factor * behind->factor[0],
            .shift = mean.shift * behind->factor[0] + behind->shift,
            .most = behind->most,
            .stored = true};
  }
  plan.bind = [mean, batch = shape[0], channels = shape[1], pixels](const Bindings& bindings) -> BoundStep {
    return [=, src = bindings.input<std::uint8_t>(0), dst = bindings.outputs[0]](Team& team) {
      each_block(team, batch, channels, pixels, kSummedTogether,
                 [&](std::int64_t from, std::int64_t to, std::int64_t count) {
                   mean(src + from, dst + static_cast<std::size_t>(to) * (mean.stored ? 1 : sizeof(float)), pixels,
                        channels, count);
                 });
    };
  };
  return plan;
}

/// Sums of f32, of what lies as `Stored`.
template <class Stored>
KernelPlan plan_floats(const NodeContext& context) {
  constexpr bool kRounded = sizeof(Stored) < sizeof(float);
  const Shape& shape = context.input(0).shape;
  KernelPlan plan;
  plan.kernel = kRounded ? "spatial_mean (bf16)" : "spatial_mean";
  plan.inputs = {{Layout::kChannelsLast, kRounded ? DataType::kBF16 : DataType::kF32}, Layout::kPlain};
  // [N,C] or [N,C,1,1]: the same bytes in both layouts.
  plan.outputs = {Layout::kPlain};
  plan.bind = [batch = shape[0], channels = shape[1],
               pixels = shape[2] * shape[3]](const Bindings& bindings) -> BoundStep {
    return [=, src = bindings.input<Stored>(0), dst = bindings.output<float>()](Team& team) {
      each_block(team, batch, channels, pixels, kBlock, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
        mean_block(src + from, dst + to, pixels, channels, count);
      });
    };
  };
  return plan;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || !spans_height_and_width(context.graph, context.node) ||
      !context.node.post_ops.empty()) {
    refusal = "needs f32, axes {2,3} of rank 4 and no post-ops";
    return std::nullopt;
  }
  if (auto plan = plan_bytes(context)) {
    return plan;
  }
  return context.forms[0].stored == DataType::kBF16 ? plan_floats<std::uint16_t>(context) : plan_floats<float>(context);
}

}  // namespace

extern const KernelDef spatial_mean_kernel;
const KernelDef spatial_mean_kernel{.name = "spatial_mean", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
