// FakeQuantize in float: limits per tensor or per channel, any layout.
#include "engine/ops/fake_quantize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/iteration.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"FakeQuantize"};
constexpr std::int64_t kBlock = 4096;

/// Constants of one channel, ready for `round((clamp(x) − low) · scale) · step + out_low`.
struct Quantizer {
  float low, high, in_low, scale, step, out_low;

  [[nodiscard]] float operator()(float x) const {
    constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds halves to even
    const float clamped = std::min(std::max(x, low), high);
    return ((clamped - in_low) * scale + kRound - kRound) * step + out_low;
  }
};

struct State {
  RowIteration rows;
  float levels;
};

/// Blocks [first, last) of all rows.
void quantize_blocks(const State& state, const std::array<const float*, 5>& in, float* output, std::int64_t first,
                     std::int64_t last) {
  const RowIteration& rows = state.rows;
  const std::int64_t length = rows.row_length();
  const std::int64_t blocks = (length + kBlock - 1) / kBlock;
  const bool uniform =
      rows.inner_stride(1) == 0 && rows.inner_stride(2) == 0 && rows.inner_stride(3) == 0 && rows.inner_stride(4) == 0;
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t row = item / blocks;
    const std::int64_t begin = item % blocks * kBlock;
    const std::int64_t end = std::min(length, begin + kBlock);
    const float* x = in[0] + rows.offset(0, row);
    float* y = output + row * length;
    const auto at = [&](std::size_t k, std::int64_t i) {
      return in.at(k)[rows.offset(k, row) + i * rows.inner_stride(k)];
    };
    const auto quantizer = [&](std::int64_t i) {
      const float low = at(1, i);
      const float high = at(2, i);
      const float range = high - low;
      return Quantizer{std::min(low, high),
                       std::max(low, high),
                       low,
                       range == 0 ? 0 : state.levels / range,
                       (at(4, i) - at(3, i)) / state.levels,
                       at(3, i)};
    };
    if (uniform) {
      const Quantizer quantize = quantizer(0);
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) {
        y[i] = quantize(x[i]);
      }
    } else {
      for (std::int64_t i = begin; i < end; ++i) {
        y[i] = quantizer(i)(x[i]);
      }
    }
  }
}

/// stored = clamp(round(x · factor + shift), 0, most); the factor is one or, with stride 1, one for each element.
void quantise_run(const Quantiser& quantiser, const float* factor, std::int64_t stride, const float* x,
                  std::uint8_t* stored, std::int64_t count) {
  constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds halves to even
  const float shift = quantiser.shift;
  const float most = quantiser.most;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float steps = x[i] * factor[i * stride] + shift;
    stored[i] =
        static_cast<std::uint8_t>(static_cast<std::int32_t>(std::min(std::max(0.0F, steps), most) + kRound - kRound));
  }
}

/// A picture of few planes: as pixels side by side, which is how convolutions want it.
KernelPlan plan_pixels(const NodeContext& context) {
  const Shape& shape = context.output().shape;
  KernelPlan plan;
  plan.kernel = "fake_quantize (u8, pixels)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.outputs = {Form(Layout::kChannelsLast, context.quantiser->steps)};
  plan.bind = [quantiser = *context.quantiser, batch = shape[0], planes = shape[1],
               pixels = shape[2] * shape[3]](const Bindings& bindings) -> BoundStep {
    return [=, x = bindings.input<float>(0), stored = bindings.output<std::uint8_t>()](Team& team) {
      for (std::int64_t n = 0; n < batch; ++n) {
        const std::int64_t at = n * planes * pixels;
        team.each(pixels, planes, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
          quantise_planes(x + at + first, pixels, planes, quantiser.factor[0], quantiser.shift, quantiser.most,
                          stored + at + first * planes, last - first);
        });
      }
    };
  };
  return plan;
}

/// Results as bytes for kernels that take them.
KernelPlan plan_bytes(const NodeContext& context) {
  constexpr std::int64_t kMostPlanes = 4;
  const Shape& shape = context.output().shape;
  const bool single = context.quantiser->factor.size() == 1;
  if (single && shape.size() == 4 && shape[1] > 1 && shape[1] <= kMostPlanes &&
      context.forms[0].layout == Layout::kPlain) {
    return plan_pixels(context);
  }
  const Layout layout = shape.size() == 4 ? context.forms[0].layout : Layout::kPlain;
  KernelPlan plan;
  plan.kernel = "fake_quantize (u8)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = layout;
  plan.outputs = {Form(layout, context.quantiser->steps)};
  const Runs runs = divide_into_runs(shape, layout == Layout::kChannelsLast, context.quantiser->factor.size());
  plan.bind = [quantiser = *context.quantiser, runs](const Bindings& bindings) -> BoundStep {
    return [=, x = bindings.input<float>(0), stored = bindings.output<std::uint8_t>()](Team& team) {
      team.each((runs.total + runs.length - 1) / runs.length, runs.length,
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  for (std::int64_t run = first; run < last; ++run) {
                    const std::int64_t at = run * runs.length;
                    if (runs.factors == 1) {
                      quantise_floats(x + at, quantiser.factor[0], quantiser.shift, quantiser.most, stored + at,
                                      static_cast<std::size_t>(std::min(runs.length, runs.total - at)));
                      continue;
                    }
                    quantise_run(quantiser, &quantiser.factor[runs.factor_of(run)], runs.stride, x + at, stored + at,
                                 std::min(runs.length, runs.total - at));
                  }
                });
    };
  };
  return plan;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.quantiser != nullptr) {
    return plan_bytes(context);
  }
  const auto& attributes = context.node.attrs<ops::FakeQuantizeAttributes>();
  const Shape& shape = context.output().shape;
  if (context.output().data_type != DataType::kF32 || context.own_inputs() != context.node.inputs.size()) {
    refusal = "computes f32 without post-ops";
    return std::nullopt;
  }
  std::vector<RowIteration::OperandShape> operands;
  KernelPlan plan;
  const Layout layout = shape.size() == 4 ? context.forms[0].layout : Layout::kPlain;
  for (std::size_t i = 0; i < 5; ++i) {
    const Shape limits = i == 0 ? shape : ops::align_for_broadcast(attributes, shape, context.input(i).shape);
    const bool rank4 = limits.size() == 4 && context.input(i).shape.size() == 4;
    plan.inputs.push_back(rank4 ? layout : Layout::kPlain);
    operands.push_back({limits, rank4 ? layout : Layout::kPlain});
  }
  plan.kernel = "fake_quantize";
  plan.outputs = {layout};
  const auto state = std::make_shared<const State>(
      State{RowIteration(shape, layout, operands), static_cast<float>(attributes.levels - 1)});
  plan.bind = [state](const Bindings& bindings) -> BoundStep {
    std::array<const float*, 5> inputs{};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs.at(i) = bindings.input<float>(i);
    }
    return [state, inputs, output = bindings.output<float>()](Team& team) {
      const std::int64_t length = state->rows.row_length();
      team.each(state->rows.rows() * ((length + kBlock - 1) / kBlock), std::min(length, kBlock),
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  quantize_blocks(*state, inputs, output, first, last);
                });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef fake_quantize_kernel;
const KernelDef fake_quantize_kernel{.name = "fake_quantize", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
