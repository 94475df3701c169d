// Rows of pixels times panels of channels, compiled once for each instruction set (Highway).
#include "engine/plugins/cpu/panel_rows.hpp"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/panel_rows.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include "engine/plugins/cpu/matrix_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kPanel = 2 * kLanes;

// Pixels of a depthwise block, two vectors wide: all but a few registers hold sums.
#if HWY_TARGET <= HWY_AVX3
constexpr int kDepthwisePixels = 12;
#else
constexpr int kDepthwisePixels = 6;
#endif

std::int64_t panel_of_target() { return kPanel; }

/// Stores R pixels of kWide vectors from `pixel` on, the last vector perhaps in part.
template <int R, int kWide>
HWY_INLINE void store_block(V (&sums)[R][kWide], const PanelRow& row, std::int64_t pixel) {
  const V least = hn::Set(kF32, row.least);
  const V most = hn::Set(kF32, row.most);
  float* const dst = row.dst + pixel * row.stride;
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = at_most(most, at_least(least, sums[r][w]));
    }
  }
  const std::int64_t last = row.channels - (kWide - 1) * kLanes;
  if (last >= kLanes) {
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      for (int w = 0; w < kWide; ++w) {
        hn::StoreU(sums[r][w], kF32, dst + r * row.stride + w * kLanes);
      }
    }
    return;
  }
  const auto mask = hn::FirstN(kF32, static_cast<std::size_t>(last));
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    if constexpr (kWide == 2) {
      hn::StoreU(sums[r][0], kF32, dst + r * row.stride);
    }
    hn::BlendedStore(sums[r][kWide - 1], mask, kF32, dst + r * row.stride + (kWide - 1) * kLanes);
  }
}

template <int R, int kWide, bool kOffsets>
HWY_INLINE void product_block(const PixelFactors& factors, const float* panel, std::int64_t depth, const PanelRow& row,
                              std::int64_t pixel) {
  V sums[R][kWide];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = hn::LoadU(kF32, row.bias + w * kLanes);
    }
  }
  const std::int64_t stride = factors.stride;
  const float* const a = factors.data + pixel * stride;
  for (std::int64_t k = 0; k < depth; ++k) {
    V column[kWide];
    for (int w = 0; w < kWide; ++w) {
      column[w] = hn::Load(kF32, panel + k * kPanel + w * kLanes);
    }
    const float* const tap = a + (kOffsets ? factors.offsets[k] : k);
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      const V value = hn::Set(kF32, tap[r * stride]);
      for (int w = 0; w < kWide; ++w) {
        sums[r][w] = hn::MulAdd(value, column[w], sums[r][w]);
      }
    }
  }
  store_block<R, kWide>(sums, row, pixel);
}

template <int R, int kWide, int kStep>
HWY_INLINE void depthwise_block(const float* const* taps, std::int64_t tap_count, std::int64_t step,
                                const float* weights, const PanelRow& row, std::int64_t pixel) {
  V sums[R][kWide];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = hn::LoadU(kF32, row.bias + w * kLanes);
    }
  }
  const std::int64_t distance = kStep == 0 ? step : kStep * kPanel;
  for (std::int64_t t = 0; t < tap_count; ++t) {
    const float* const input = taps[t] + pixel * distance;
    V weight[kWide];
    for (int w = 0; w < kWide; ++w) {
      weight[w] = hn::Load(kF32, weights + t * kPanel + w * kLanes);
    }
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      for (int w = 0; w < kWide; ++w) {
        sums[r][w] = hn::MulAdd(hn::Load(kF32, input + r * distance + w * kLanes), weight[w], sums[r][w]);
      }
    }
  }
  store_block<R, kWide>(sums, row, pixel);
}

/// Calls use(std::integral_constant<int, count>) for 1 ≤ count ≤ kMost.
template <int kMost, class Use>
HWY_INLINE void with_count(std::int64_t count, Use use) {
  if constexpr (kMost > 0) {
    if (count == kMost) {
      use(std::integral_constant<int, kMost>());
    } else {
      with_count<kMost - 1>(count, use);
    }
  }
}

/// Divides a row into blocks of nearly equal size: a last one of a pixel or two would wait for its own sums.
template <int kMost, class Use>
HWY_INLINE void each_block(std::int64_t pixels, Use use) {
  const std::int64_t parts = (pixels + kMost - 1) / kMost;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = pixels * part / parts;
    const std::int64_t count = pixels * (part + 1) / parts - begin;
    with_count<kMost>(count, [&](auto rows) { use(rows, begin); });
  }
}

template <int kWide, bool kOffsets>
void multiply_blocks(const PixelFactors& factors, const float* panel, std::int64_t depth, const PanelRow& row) {
  each_block<kRows>(row.pixels, [&](auto rows, std::int64_t pixel) {
    product_block<decltype(rows)::value, kWide, kOffsets>(factors, panel, depth, row, pixel);
  });
}

void multiply(const PixelFactors& factors, const float* panel, std::int64_t depth, const PanelRow& row) {
  const bool wide = row.channels > kLanes;
  if (factors.offsets != nullptr) {
    wide ? multiply_blocks<2, true>(factors, panel, depth, row) : multiply_blocks<1, true>(factors, panel, depth, row);
  } else {
    wide ? multiply_blocks<2, false>(factors, panel, depth, row)
         : multiply_blocks<1, false>(factors, panel, depth, row);
  }
}

template <int kWide, int kStep>
void depthwise_blocks(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                      const PanelRow& row) {
  each_block<kDepthwisePixels>(row.pixels, [&](auto rows, std::int64_t pixel) {
    depthwise_block<decltype(rows)::value, kWide, kStep>(taps, tap_count, step, weights, row, pixel);
  });
}

template <int kStep>
void depthwise_of_step(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                       const PanelRow& row) {
  if (row.channels > kLanes) {
    depthwise_blocks<2, kStep>(taps, tap_count, step, weights, row);
  } else {
    depthwise_blocks<1, kStep>(taps, tap_count, step, weights, row);
  }
}

void depthwise(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
               const PanelRow& row) {
  if (step == kPanel) {
    depthwise_of_step<1>(taps, tap_count, step, weights, row);
  } else if (step == 2 * kPanel) {
    depthwise_of_step<2>(taps, tap_count, step, weights, row);
  } else {
    depthwise_of_step<0>(taps, tap_count, step, weights, row);
  }
}

/// kPanels panels of a single pixel at a time.
template <int kPanels>
HWY_INLINE void pixel_block(const float* factors, const float* panels, std::int64_t depth, const PanelRow& row) {
  constexpr int kVectors = 2 * kPanels;
  V sums[1][kVectors];
  FOVEA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    sums[0][v] = hn::LoadU(kF32, row.bias + v * kLanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const V value = hn::Set(kF32, factors[k]);
    FOVEA_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const float* const weights = panels + (v / 2 * depth + k) * kPanel + v % 2 * kLanes;
      sums[0][v] = hn::MulAdd(value, hn::Load(kF32, weights), sums[0][v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t left = row.channels - v * kLanes;
    if (left > 0) {
      V one[1][1] = {{sums[0][v]}};
      PanelRow part = row;
      part.dst += v * kLanes;
      part.channels = left;
      store_block<1, 1>(one, part, 0);
    }
  }
}

void multiply_one(const float* factors, const float* panels, std::int64_t depth, std::int64_t outputs,
                  const float* bias, float least, float most, float* dst) {
  constexpr int kTogether = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
  PanelRow row{.pixels = 1, .least = least, .most = most};
  std::int64_t channel = 0;
  const auto next = [&](auto together) {
    row.dst = dst + channel;
    row.bias = bias + channel;
    row.channels = outputs - channel;
    pixel_block<decltype(together)::value>(factors, panels + channel * depth, depth, row);
    channel += decltype(together)::value * kPanel;
  };
  while (outputs - channel > (kTogether - 1) * kPanel) {
    next(std::integral_constant<int, kTogether>());
  }
  while (channel < outputs) {
    next(std::integral_constant<int, 1>());
  }
}

void scale(const float* panels, const float* factors, std::int64_t depth, std::int64_t count, float* scaled) {
  for (std::int64_t p = 0; p < count; ++p, panels += depth * kPanel, scaled += depth * kPanel) {
    for (std::int64_t k = 0; k < depth; ++k) {
      const V factor = hn::Set(kF32, factors[k]);
      for (std::int64_t c = k * kPanel; c < (k + 1) * kPanel; c += kLanes) {
        hn::Store(hn::Mul(factor, hn::Load(kF32, panels + c)), kF32, scaled + c);
      }
    }
  }
}

void copy(const float* src, std::int64_t src_stride, const PanelRow& row) {
  const std::int64_t second = std::clamp<std::int64_t>(row.channels - kLanes, 0, kLanes);
  if (second == kLanes) {
    for (std::int64_t p = 0; p < row.pixels; ++p) {
      hn::Store(hn::LoadU(kF32, src + p * src_stride), kF32, row.dst + p * row.stride);
      hn::Store(hn::LoadU(kF32, src + p * src_stride + kLanes), kF32, row.dst + p * row.stride + kLanes);
    }
    return;
  }
  const auto first_mask = hn::FirstN(kF32, static_cast<std::size_t>(std::min(row.channels, kLanes)));
  const auto second_mask = hn::FirstN(kF32, static_cast<std::size_t>(second));
  for (std::int64_t p = 0; p < row.pixels; ++p) {
    const float* const pixel = src + p * src_stride;
    hn::Store(hn::MaskedLoad(first_mask, kF32, pixel), kF32, row.dst + p * row.stride);
    hn::Store(second == 0 ? hn::Zero(kF32) : hn::MaskedLoad(second_mask, kF32, pixel + kLanes), kF32,
              row.dst + p * row.stride + kLanes);
  }
}

/// value = change(value, index of the pixel) for one vector of channels of all pixels.
template <class Change>
HWY_INLINE void change_pixels(const PanelRow& row, std::int64_t channel, const ChannelVector& where, Change change) {
  float* const first = row.dst + channel;
  if (where.whole) {
    for (std::int64_t p = 0; p < row.pixels; ++p) {
      float* const pixel = first + p * row.stride;
      hn::StoreU(change(hn::LoadU(kF32, pixel), p), kF32, pixel);
    }
    return;
  }
  for (std::int64_t p = 0; p < row.pixels; ++p) {
    float* const pixel = first + p * row.stride;
    hn::BlendedStore(change(hn::MaskedLoad(where.mask, kF32, pixel), p), where.mask, kF32, pixel);
  }
}

void finish_vector(const FinishStep& step, const float* operand, const PanelPlace& place, const PanelRow& row,
                   std::int64_t channel) {
  const ChannelVector where = channel_vector(channel, row.channels);
  if (step.operand == FinishStep::Operand::kNone) {
    with_formula(step.op, [&](auto formula) {
      change_pixels(row, channel, where, [&](V x, std::int64_t /*p*/) { return formula(x); });
    });
    return;
  }
  const auto load = [&](const float* address) {
    return where.whole ? hn::LoadU(kF32, address) : hn::MaskedLoad(where.mask, kF32, address);
  };
  with_binary_formula(step.op.kind, [&](auto formula) {
    if (step.operand == FinishStep::Operand::kFull) {
      const float* const first = operand + place.at + place.channel + channel;
      change_pixels(row, channel, where,
                    [&](V x, std::int64_t p) { return formula(x, load(first + p * place.outputs)); });
      return;
    }
    const V y = step.operand == FinishStep::Operand::kSingle ? hn::Set(kF32, *operand)
                                                             : load(operand + place.channel + channel);
    change_pixels(row, channel, where, [&](V x, std::int64_t /*p*/) { return formula(x, y); });
  });
}

void finish(const Finish& finish, std::size_t first, const float* const* operands, const PanelPlace& place,
            const PanelRow& row) {
  for (std::size_t s = first; s < finish.steps.size(); ++s) {
    for (std::int64_t channel = 0; channel < row.channels; channel += kLanes) {
      finish_vector(finish.steps[s], operands[s], place, row, channel);
    }
  }
}

void add(const PanelRow& row, float* sums) {
  for (std::int64_t channel = 0; channel < row.channels; channel += kLanes) {
    const ChannelVector where = channel_vector(channel, row.channels);
    const float* const first = row.dst + channel;
    const auto load = [&](std::int64_t p) {
      return where.whole ? hn::LoadU(kF32, first + p * row.stride)
                         : hn::MaskedLoad(where.mask, kF32, first + p * row.stride);
    };
    // Two sums, so that neither waits for itself.
    V even = hn::Zero(kF32);
    V odd = hn::Zero(kF32);
    std::int64_t p = 0;
    for (; p + 2 <= row.pixels; p += 2) {
      even = hn::Add(even, load(p));
      odd = hn::Add(odd, load(p + 1));
    }
    if (p < row.pixels) {
      even = hn::Add(even, load(p));
    }
    hn::StoreU(hn::Add(hn::LoadU(kF32, sums + channel), hn::Add(even, odd)), kF32, sums + channel);
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(panel_of_target);
HWY_EXPORT(multiply);
HWY_EXPORT(multiply_one);
HWY_EXPORT(depthwise);
HWY_EXPORT(scale);
HWY_EXPORT(copy);
HWY_EXPORT(finish);
HWY_EXPORT(add);

}  // namespace

std::int64_t panel_channels() { return HWY_DYNAMIC_DISPATCH(panel_of_target)(); }

Tensor pack_panels(const float* weights, std::int64_t outputs, std::int64_t depth) {
  const std::int64_t panel = panel_channels();
  const std::int64_t panels = (outputs + panel - 1) / panel;
  Tensor packed(DataType::kF32, {panels, depth, panel});
  float* const data = packed.data<float>().data();
  std::fill_n(data, packed.size(), 0.0F);
  for (std::int64_t output = 0; output < outputs; ++output) {
    float* const column = data + output / panel * depth * panel + output % panel;
    for (std::int64_t k = 0; k < depth; ++k) {
      column[k * panel] = weights[output * depth + k];
    }
  }
  return packed;
}

void multiply_row(const PixelFactors& factors, const float* panel, std::int64_t depth, const PanelRow& row) {
  HWY_DYNAMIC_DISPATCH(multiply)(factors, panel, depth, row);
}

void multiply_pixel(const float* factors, const float* panels, std::int64_t depth, std::int64_t outputs,
                    const float* bias, float least, float most, float* dst) {
  HWY_DYNAMIC_DISPATCH(multiply_one)(factors, panels, depth, outputs, bias, least, most, dst);
}

void depthwise_row(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                   const PanelRow& row) {
  HWY_DYNAMIC_DISPATCH(depthwise)(taps, tap_count, step, weights, row);
}

void scale_panels(const float* panels, const float* factors, std::int64_t depth, std::int64_t count, float* scaled) {
  HWY_DYNAMIC_DISPATCH(scale)(panels, factors, depth, count, scaled);
}

void copy_row(const float* src, std::int64_t src_stride, const PanelRow& row) {
  HWY_DYNAMIC_DISPATCH(copy)(src, src_stride, row);
}

void finish_row(const Finish& finish, std::size_t first, const float* const* operands, const PanelPlace& place,
                const PanelRow& row) {
  if (first < finish.steps.size()) {
    HWY_DYNAMIC_DISPATCH(finish)(finish, first, operands, place, row);
  }
}

void add_row(const PanelRow& row, float* sums) { HWY_DYNAMIC_DISPATCH(add)(row, sums); }

std::size_t take_limits(const Finish& finish, float& least, float& most) {
  if (finish.steps.empty()) {
    return 0;
  }
  const PostOp& op = finish.steps[0].op;
  if (op.kind == PostOpKind::kClamp) {
    least = op.alpha;
    most = op.beta;
    return 1;
  }
  if (op.kind == PostOpKind::kRelu && op.alpha == 0) {
    least = 0;
    return 1;
  }
  return 0;
}

}  // namespace fovea::cpu
#endif
