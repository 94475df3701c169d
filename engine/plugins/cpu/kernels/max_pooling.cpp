// MaxPool of f32 pictures (first output only), channels last, from and to pieces of larger pictures.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/ops/op_def.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/pool_rows.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"MaxPool"};

/// Shared by all requests.
struct Compiled {
  ops::Window rows, columns;
  std::int64_t pictures = 1, channels = 0;
};

bool has_empty_windows(const ops::Window& window) {
  for (std::int64_t at = 0; at < window.output; ++at) {
    bool empty = true;
    for (std::int64_t k = 0; k < window.kernel && empty; ++k) {
      const std::int64_t input = at * window.stride - window.pad_begin + k * window.dilation;
      empty = input < 0 || input >= window.input;
    }
    if (empty) {
      return true;
    }
  }
  return false;
}

/// Row `item` of the output, counted through the pictures.
void run_row(const Compiled& compiled, const float* src, float* dst, std::int64_t src_stride, std::int64_t dst_stride,
             std::int64_t item) {
  const ops::Window& rows = compiled.rows;
  const ops::Window& columns = compiled.columns;
  const std::int64_t top = item % rows.output * rows.stride - rows.pad_begin;
  const std::int64_t begin = top >= 0 ? 0 : (-top + rows.dilation - 1) / rows.dilation;
  const std::int64_t end = std::min(rows.kernel, (rows.input - top + rows.dilation - 1) / rows.dilation);
  const std::int64_t first = item / rows.output * rows.input + top + begin * rows.dilation;
  maximum_row({.src = src + first * columns.input * src_stride,
               .src_stride = src_stride,
               .row_stride = rows.dilation * columns.input * src_stride,
               .rows = end - begin,
               .dst = dst + item * columns.output * dst_stride,
               .dst_stride = dst_stride,
               .channels = compiled.channels},
              columns);
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Shape& in = context.input(0).shape;
  if (context.output().data_type != DataType::kF32 || in.size() != 4 || context.forms[0].stored != DataType::kF32) {
    refusal = "needs a picture stored as f32";
    return std::nullopt;
  }
  if (context.node.outputs.size() > 1 &&
      context.graph.use_counts()[static_cast<std::size_t>(context.node.outputs[1])] > 0) {
    refusal = "the indices are used";
    return std::nullopt;
  }
  const auto windows = ops::pool_windows(context.node.attrs<ops::PoolAttributes>(), {in[2], in[3]});
  if (std::ranges::any_of(windows, has_empty_windows)) {
    refusal = "a window lies in the padding";
    return std::nullopt;
  }
  const auto compiled = std::make_shared<const Compiled>(
      Compiled{.rows = windows[0], .columns = windows[1], .pictures = in[0], .channels = in[1]});
  KernelPlan plan;
  plan.kernel = "max_pooling";
  plan.inputs = {Layout::kChannelsLast};
  plan.outputs.assign(context.node.outputs.size(), Layout::kPlain);
  plan.outputs[0] = Layout::kChannelsLast;
  plan.pitched = true;
  plan.bind = [compiled](const Bindings& bindings) -> BoundStep {
    return [compiled, src = bindings.input<float>(0), dst = bindings.output<float>(),
            src_stride = bindings.input_stride(0), dst_stride = bindings.output_stride()](Team& team) {
      const std::int64_t values = compiled->columns.output * compiled->channels;
      team.each(compiled->pictures * compiled->rows.output, values * compiled->rows.kernel * compiled->columns.kernel,
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  for (std::int64_t item = first; item < last; ++item) {
                    run_row(*compiled, src, dst, src_stride, dst_stride, item);
                  }
                });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef max_pooling_kernel;
const KernelDef max_pooling_kernel{.name = "max_pooling", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
