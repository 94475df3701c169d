// Compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/pointwise.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/pointwise.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include "engine/plugins/cpu/matrix_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

/// One panel: kWide vectors of outputs from `k` on, for pixels [begin, end).
template <int kWide>
void run_panel(const PointwisePlan& plan, const Finish& finish, const float* const* operands, const float* panel,
               const float* src, float* dst, std::int64_t begin, std::int64_t end, std::int64_t k) {
  constexpr std::int64_t kWidth = kWide * kLanes;
  // Rows beyond the block's are finished with the others but never stored.
  HWY_ALIGN float tile[(kRows + kPixels) * kWidth] = {};
  ChannelVector where[kWide];
  for (int w = 0; w < kWide; ++w) {
    where[w] = channel_vector(k + w * kLanes, plan.outputs);
  }
  for (std::int64_t pixel = begin; pixel < end; pixel += kRows) {
    const std::int64_t rows = std::min<std::int64_t>(kRows, end - pixel);
    multiply_rest<kRows, kWide>(rows, src + pixel * plan.channels, plan.channels, panel, tile, kWidth, plan.channels);
    for (std::int64_t row = 0; row < rows; row += kPixels) {
      const auto count = static_cast<int>(std::min<std::int64_t>(kPixels, rows - row));
      for (int w = 0; w < kWide; ++w) {
        V values[kPixels];
        FOVEA_UNROLL
        for (int i = 0; i < kPixels; ++i) {
          values[i] = hn::Load(kF32, tile + (row + i) * kWidth + w * kLanes);
        }
        finish_pixels(finish, operands, where[w], values, count, (pixel + row) * plan.outputs + where[w].channel, dst);
      }
    }
  }
}

void run_item(const PointwisePlan& plan, const Finish& finish, const float* const* operands, const float* packed,
              const float* src, float* dst, std::int64_t item) {
  constexpr std::int64_t kPanel = 2 * kLanes;
  const std::int64_t begin = item / plan.panel_groups * plan.pixels_a_block;
  const std::int64_t end = std::min(plan.pixels, begin + plan.pixels_a_block);
  const std::int64_t group = item % plan.panel_groups * plan.panels_a_group * kPanel;
  const std::int64_t group_end = std::min(plan.padded_outputs, group + plan.panels_a_group * kPanel);
  for (std::int64_t k = group; k < group_end; k += kPanel) {
    const float* const panel = packed + k * plan.channels;
    if (k + kPanel <= plan.padded_outputs) {
      run_panel<2>(plan, finish, operands, panel, src, dst, begin, end, k);
    } else {
      run_panel<1>(plan, finish, operands, panel, src, dst, begin, end, k);
    }
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(run_item);
HWY_EXPORT(lanes);
HWY_EXPORT(rows_at_once);

constexpr std::int64_t parts(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit; }

}  // namespace

PointwisePlan plan_pointwise(std::int64_t pixels, std::int64_t channels, std::int64_t outputs, int threads) {
  const std::int64_t lanes = HWY_DYNAMIC_DISPATCH(lanes)();
  const std::int64_t rows = HWY_DYNAMIC_DISPATCH(rows_at_once)();
  PointwisePlan plan{.pixels = pixels, .channels = channels, .outputs = outputs};
  plan.padded_outputs = parts(outputs, lanes) * lanes;
  // A block's pixels are read once a panel: they stay in half of a small second-level cache.
  constexpr std::int64_t kBlockFloats = 128 * 1024 / 4;
  const std::int64_t fits = std::max(rows, kBlockFloats / channels / rows * rows);
  // Several items a thread, so that a thread that is held up leaves its share to the others.
  const std::int64_t wanted = threads > 1 ? 4 * threads : 1;
  const std::int64_t share = parts(parts(pixels, wanted), rows) * rows;
  plan.pixels_a_block = std::min(fits, share);
  plan.pixel_blocks = parts(pixels, plan.pixels_a_block);
  const std::int64_t panels = parts(plan.padded_outputs, 2 * lanes);
  const std::int64_t groups = std::clamp<std::int64_t>(parts(wanted, plan.pixel_blocks), 1, panels);
  plan.panels_a_group = parts(panels, groups);
  plan.panel_groups = parts(panels, plan.panels_a_group);
  return plan;
}

Tensor pack_pointwise_weights(const PointwisePlan& plan, const float* weights) {
  const std::int64_t panel_width = 2 * HWY_DYNAMIC_DISPATCH(lanes)();
  Tensor packed(DataType::kF32, {plan.channels, plan.padded_outputs});
  float* const data = packed.data<float>().data();
  for (std::int64_t k = 0; k < plan.outputs; ++k) {
    const std::int64_t panel = k / panel_width * panel_width;
    const std::int64_t width = std::min(panel_width, plan.padded_outputs - panel);
    for (std::int64_t c = 0; c < plan.channels; ++c) {
      data[panel * plan.channels + c * width + k - panel] = weights[k * plan.channels + c];
    }
  }
  return packed;
}

void run_pointwise_item(const PointwisePlan& plan, const Finish& finish, const float* const* operands,
                        const float* packed_weights, const float* src, float* dst, std::int64_t item) {
  HWY_DYNAMIC_DISPATCH(run_item)(plan, finish, operands, packed_weights, src, dst, item);
}

}  // namespace fovea::cpu
#endif
