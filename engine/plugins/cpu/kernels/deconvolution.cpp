// ConvolutionBackpropData of f32 pictures whose filters do not overlap (2x2 with stride 2): for each tap of the filter
// a product of pixels and panels of output channels, whose results lie a stride apart in the output.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/panel_rows.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"ConvolutionBackpropData"};

/// Shared by all requests.
struct Compiled {
  std::int64_t rows = 0;   ///< Of the input, all pictures.
  std::int64_t width = 0;  ///< Of the input.
  std::int64_t depth = 0, outputs = 0;
  std::int64_t tap_rows = 1, tap_columns = 1;
  std::int64_t tap_floats = 0;  ///< Packed weights of a tap.
  const float* weights = nullptr;
  Finish finish;
  PanelLimits limits;
};

struct Memory {
  const float* src = nullptr;
  std::int64_t src_stride = 0;
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
  std::vector<FinishOperand> operands;
};

/// The output rows that come from one input row.
void run_row(const Compiled& compiled, const Memory& memory, std::int64_t row) {
  const float* const src = memory.src + row * compiled.width * memory.src_stride;
  const std::int64_t out_width = compiled.width * compiled.tap_columns;
  for (std::int64_t tap = 0; tap < compiled.tap_rows * compiled.tap_columns; ++tap) {
    const std::int64_t pixel =
        (row * compiled.tap_rows + tap / compiled.tap_columns) * out_width + tap % compiled.tap_columns;
    const PanelRow to{.dst = memory.dst + pixel * memory.dst_stride,
                      .stride = compiled.tap_columns * memory.dst_stride,
                      .channels = compiled.outputs,
                      .pixels = compiled.width,
                      .bias = compiled.finish.bias.data(),
                      .least = compiled.limits.least,
                      .most = compiled.limits.most};
    multiply_rows({.data = src, .stride = memory.src_stride}, compiled.weights + tap * compiled.tap_floats,
                  compiled.depth, to,
                  {.finish = &compiled.finish, .first = compiled.limits.steps, .operands = memory.operands.data()});
  }
}

/// [I,O,Y,X] as panels of each tap, one tap after another.
const float* pack_taps(const NodeContext& context, std::int64_t padded_outputs) {
  const Shape& shape = context.input(1).shape;
  const std::int64_t panel = panel_channels();
  const std::int64_t taps = shape[2] * shape[3];
  const auto fill = [&](const Tensor& tensor, std::span<std::byte> packed) {
    const float* const weights = tensor.data<float>().data();
    auto* const to = reinterpret_cast<float*>(packed.data());
    for (std::int64_t k = 0; k < shape[0]; ++k) {
      for (std::int64_t o = 0; o < shape[1]; ++o) {
        for (std::int64_t t = 0; t < taps; ++t) {
          to[t * padded_outputs * shape[0] + (o / panel * shape[0] + k) * panel + o % panel] =
              weights[(k * shape[1] + o) * taps + t];
        }
      }
    }
  };
  const auto bytes = static_cast<std::size_t>(taps * padded_outputs * shape[0]) * sizeof(float);
  const auto packed =
      context.packed(fmt::format("taps in panels of {}, {} by {}, {} taps", panel, shape[1], shape[0], taps),
                     *context.constant(1), bytes, fill);
  return reinterpret_cast<const float*>(packed.data());
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || context.constant(1) == nullptr ||
      context.forms[0].stored == DataType::kU8) {
    refusal = "needs a picture stored as f32 and constant weights";
    return std::nullopt;
  }
  if (!filters_stand_side_by_side(context.graph, context.node)) {
    refusal = "filters overlap, or an output shape is given";
    return std::nullopt;
  }
  const Shape& in = context.input(0).shape;
  const Shape& weights = context.input(1).shape;
  const std::int64_t panel = panel_channels();
  const std::int64_t padded_outputs = (weights[1] + panel - 1) / panel * panel;
  auto compiled = std::make_shared<Compiled>();
  compiled->finish = make_finish(context, static_cast<std::size_t>(padded_outputs));
  const bool any_full = std::ranges::any_of(
      compiled->finish.steps, [](const FinishStep& step) { return step.operand == FinishStep::Operand::kFull; });
  if (any_full || !can_finish(context.graph, context.node)) {
    refusal = "an operand of a post-op is a picture";
    return std::nullopt;
  }
  compiled->rows = in[0] * in[2];
  compiled->width = in[3];
  compiled->depth = in[1];
  compiled->outputs = weights[1];
  compiled->tap_rows = weights[2];
  compiled->tap_columns = weights[3];
  compiled->tap_floats = padded_outputs * in[1];
  compiled->weights = pack_taps(context, padded_outputs);
  compiled->limits = limits_of(compiled->finish, false);

  KernelPlan plan;
  plan.kernel = fmt::format("deconvolution ({}x{} side by side)", weights[2], weights[3]);
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  plan.packed = {1};
  plan.post_ops_done = context.node.post_ops.size();
  plan.pitched = true;
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled))](const Bindings& bindings) -> BoundStep {
    const Memory memory{.src = bindings.input<float>(0),
                        .src_stride = bindings.input_stride(0),
                        .dst = bindings.output<float>(),
                        .dst_stride = bindings.output_stride(),
                        .operands = finish_operands(compiled->finish, bindings)};
    return [compiled, memory](Team& team) {
      team.each(compiled->rows, compiled->width * compiled->tap_floats,
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  for (std::int64_t row = first; row < last; ++row) {
                    run_row(*compiled, memory, row);
                  }
                });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef deconvolution_kernel;
const KernelDef deconvolution_kernel{.name = "deconvolution", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
