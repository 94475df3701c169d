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

/// Pixels of any block.
constexpr int kMostPixels = kRows > kDepthwisePixels ? kRows : kDepthwisePixels;

std::int64_t panel_of_target() { return kPanel; }

HWY_INLINE ChannelVector whole_vector() { return channel_vector(0, kLanes); }

/// The last of `wide` vectors of channels.
HWY_INLINE ChannelVector last_vector(std::int64_t channel, int wide, std::int64_t channels) {
  return channel_vector(channel + (wide - 1) * kLanes, channels);
}

template <int R, int kWide>
HWY_INLINE void add_block(V (&sums)[R][kWide], const float* addend, std::int64_t stride, const ChannelVector& last) {
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w + 1 < kWide; ++w) {
      sums[r][w] = hn::Add(sums[r][w], hn::LoadU(kF32, addend + r * stride + w * kLanes));
    }
    const float* const at = addend + r * stride + (kWide - 1) * kLanes;
    sums[r][kWide - 1] =
        hn::Add(sums[r][kWide - 1], last.whole ? hn::LoadU(kF32, at) : hn::MaskedLoad(last.mask, kF32, at));
  }
}

template <int R, int kWide>
HWY_INLINE void limit_block(V (&sums)[R][kWide], const PanelRow& row) {
  const V least = hn::Set(kF32, row.least);
  const V most = hn::Set(kF32, row.most);
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = at_most(most, at_least(least, sums[r][w]));
    }
  }
}

/// Stores R pixels of kWide vectors, `stride` apart, the last vector perhaps in part.
template <int R, int kWide>
HWY_INLINE void store_block(const V (&sums)[R][kWide], float* dst, std::int64_t stride, const ChannelVector& last) {
  if (last.whole) {
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      FOVEA_UNROLL
      for (int w = 0; w < kWide; ++w) {
        hn::StoreU(sums[r][w], kF32, dst + r * stride + w * kLanes);
      }
    }
    return;
  }
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w + 1 < kWide; ++w) {
      hn::StoreU(sums[r][w], kF32, dst + r * stride + w * kLanes);
    }
    hn::BlendedStore(sums[r][kWide - 1], last.mask, kF32, dst + r * stride + (kWide - 1) * kLanes);
  }
}

/// A vector of channels of a tile: to = change(tile, pixel), and the sum over the pixels.
template <class Change>
HWY_INLINE V change_pixels(const float* tile, std::ptrdiff_t tile_stride, float* const* to, int count,
                           const ChannelVector& where, Change change) {
  V sum = hn::Zero(kF32);
  if (where.whole) {
    for (int p = 0; p < count; ++p) {
      const V value = change(hn::Load(kF32, tile + p * tile_stride), p);
      sum = hn::Add(sum, value);
      hn::StoreU(value, kF32, to[p]);
    }
    return sum;
  }
  for (int p = 0; p < count; ++p) {
    const V value = change(hn::Load(kF32, tile + p * tile_stride), p);
    sum = hn::Add(sum, value);
    hn::BlendedStore(value, where.mask, kF32, to[p]);
  }
  return sum;
}

/// One step of a finish over a vector of channels of a tile. \param pixel  Index of the first one in the
/// output. \param stored  What of the vector `to` takes. \param real  Its channels that exist: operands have no others.
HWY_INLINE V finish_step(const FinishStep& step, const FinishOperand& operand, std::int64_t channel, std::int64_t pixel,
                         const float* tile, std::ptrdiff_t tile_stride, float* const* to, int count,
                         const ChannelVector& stored, const ChannelVector& real) {
  V sum = hn::Zero(kF32);
  if (step.operand == FinishStep::Operand::kNone) {
    with_formula(step.op, [&](auto formula) {
      sum = change_pixels(tile, tile_stride, to, count, stored, [&](V x, int /*p*/) { return formula(x); });
    });
    return sum;
  }
  const auto load = [&](const float* address) {
    return real.whole ? hn::LoadU(kF32, address) : hn::MaskedLoad(real.mask, kF32, address);
  };
  with_binary_formula(step.op.kind, [&](auto formula) {
    if (step.operand == FinishStep::Operand::kFull) {
      sum = change_pixels(tile, tile_stride, to, count, stored, [&](V x, int p) {
        return formula(x, load(operand.data + (pixel + p) * operand.stride + channel));
      });
      return;
    }
    const V y =
        step.operand == FinishStep::Operand::kSingle ? hn::Set(kF32, *operand.data) : load(operand.data + channel);
    sum = change_pixels(tile, tile_stride, to, count, stored, [&](V x, int /*p*/) { return formula(x, y); });
  });
  return sum;
}

/// What is left to do for a block whose sums are in `tile`, kWide vectors a pixel; stores it.
/// \param channel  Of the row, the first of the block. \param pixel  Of the row.
template <int kWide>
void finish_tile(float* tile, const PanelRow& row, const PanelRest& rest, std::int64_t channel, std::int64_t pixel,
                 int count) {
  constexpr std::ptrdiff_t kStride = kWide * kLanes;
  const std::size_t steps = rest.finish == nullptr ? 0 : rest.finish->steps.size();
  float* inside[kMostPixels];
  float* to[kMostPixels];
  FOVEA_UNROLL
  for (int w = 0; w < kWide; ++w) {
    const std::int64_t first = channel + w * kLanes;
    if (first >= row.channels) {
      break;
    }
    const ChannelVector where = channel_vector(first, row.channels);
    float* const column = tile + w * kLanes;
    for (int p = 0; p < count; ++p) {
      inside[p] = column + p * kStride;
      to[p] = row.dst + (pixel + p) * row.stride + first;
    }
    V sum = hn::Zero(kF32);
    if (rest.first >= steps) {
      sum = change_pixels(column, kStride, to, count, where, [](V x, int /*p*/) { return x; });
    }
    for (std::size_t s = rest.first; s < steps; ++s) {
      sum = finish_step(rest.finish->steps[s], rest.operands[s], rest.channel + first, rest.pixel + pixel, column,
                        kStride, s + 1 < steps ? inside : to, count, s + 1 < steps ? whole_vector() : where, where);
    }
    if (rest.sums != nullptr) {
      hn::StoreU(hn::Add(hn::LoadU(kF32, rest.sums + first), sum), kF32, rest.sums + first);
    }
  }
}

HWY_INLINE bool is_left(const PanelRest& rest) {
  return rest.sums != nullptr || (rest.finish != nullptr && rest.first < rest.finish->steps.size());
}

/// Work on a row: what does not change from block to block.
struct RowWork {
  const PanelRow& row;
  const PanelRest& rest;
  bool left;             ///< Blocks go to a tile, to be finished there.
  std::int64_t channel;  ///< Of the row, the first of the vectors at work.
  ChannelVector last;    ///< Of these, the last.
};

/// Stores a block, by way of a tile where something is left to do.
template <int R, int kWide>
HWY_INLINE void finish_block(V (&sums)[R][kWide], const RowWork& work, std::int64_t pixel) {
  const PanelRow& row = work.row;
  if (row.addend != nullptr) {
    add_block<R, kWide>(sums, row.addend + pixel * row.addend_stride + work.channel, row.addend_stride, work.last);
  }
  limit_block<R, kWide>(sums, row);
  if (!work.left) {
    store_block<R, kWide>(sums, row.dst + pixel * row.stride + work.channel, row.stride, work.last);
    return;
  }
  HWY_ALIGN float tile[R * kWide * kLanes];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      hn::Store(sums[r][w], kF32, tile + (r * kWide + w) * kLanes);
    }
  }
  finish_tile<kWide>(tile, row, work.rest, work.channel, pixel, R);
}

template <int R, int kWide>
HWY_INLINE void product_block(const PixelFactors& factors, const float* panel, std::int64_t depth, const RowWork& work,
                              std::int64_t pixel) {
  V sums[R][kWide];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = hn::LoadU(kF32, work.row.bias + work.channel + w * kLanes);
    }
  }
  const RowBases<R> rows(factors.data + pixel * factors.stride, factors.stride);
  for (std::int64_t k = 0; k < depth; ++k) {
    V column[kWide];
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      column[w] = hn::Load(kF32, panel + (w / 2 * depth + k) * kPanel + w % 2 * kLanes);
    }
    const RowBases<R> taps = rows.moved(k);
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      const V value = hn::Set(kF32, *taps.row(r));
      FOVEA_UNROLL
      for (int w = 0; w < kWide; ++w) {
        sums[r][w] = hn::MulAdd(value, column[w], sums[r][w]);
      }
    }
  }
  finish_block<R, kWide>(sums, work, pixel);
}

template <int R, int kWide, int kStep>
HWY_INLINE void depthwise_block(const float* const* taps, std::int64_t tap_count, std::int64_t step,
                                const float* weights, const RowWork& work, std::int64_t pixel) {
  V sums[R][kWide];
  FOVEA_UNROLL
  for (int r = 0; r < R; ++r) {
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      sums[r][w] = hn::LoadU(kF32, work.row.bias + w * kLanes);
    }
  }
  const std::int64_t distance = kStep == 0 ? step : kStep * kPanel;
  for (std::int64_t t = 0; t < tap_count; ++t) {
    const float* const input = opaque(taps[t] + pixel * distance);
    V weight[kWide];
    FOVEA_UNROLL
    for (int w = 0; w < kWide; ++w) {
      weight[w] = hn::Load(kF32, weights + t * kPanel + w * kLanes);
    }
    FOVEA_UNROLL
    for (int r = 0; r < R; ++r) {
      FOVEA_UNROLL
      for (int w = 0; w < kWide; ++w) {
        sums[r][w] = hn::MulAdd(hn::Load(kF32, input + r * distance + w * kLanes), weight[w], sums[r][w]);
      }
    }
  }
  finish_block<R, kWide>(sums, work, pixel);
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

template <int kMost, int kWide>
void multiply_blocks(const PixelFactors& factors, const float* panel, std::int64_t depth, const RowWork& work) {
  each_block<kMost>(work.row.pixels, [&](auto rows, std::int64_t pixel) {
    product_block<decltype(rows)::value, kWide>(factors, panel, depth, work, pixel);
  });
}

/// Rows so far apart fall into one set of the first-level cache, which holds few of them: then four vectors wide.
bool rows_collide(std::int64_t stride) {
  constexpr std::int64_t kPeriod = 512;  // floats
  return HWY_TARGET <= HWY_AVX3 && stride % kPeriod == 0;
}

/// Formulas without operands over a row whose pixels follow each other, in one go: as fast as the formulas are.
void finish_dense(const PanelRow& row, const PanelRest& rest) {
  for (std::size_t s = rest.first; s < rest.finish->steps.size(); ++s) {
    with_formula(rest.finish->steps[s].op, [&](auto formula) {
      for (std::int64_t i = 0; i < row.pixels * kPanel; i += kLanes) {
        hn::Store(formula(hn::Load(kF32, row.dst + i)), kF32, row.dst + i);
      }
    });
  }
}

bool is_dense(const PanelRow& row, const PanelRest& rest) {
  const auto has_operand = [](const FinishStep& step) { return step.operand != FinishStep::Operand::kNone; };
  return rest.finish != nullptr && rest.sums == nullptr && row.stride == kPanel && row.channels == kPanel &&
         std::none_of(rest.finish->steps.begin() + static_cast<std::ptrdiff_t>(rest.first), rest.finish->steps.end(),
                      has_operand);
}

void multiply(const PixelFactors& factors, const float* panels, std::int64_t depth, const PanelRow& row,
              const PanelRest& rest) {
  const bool collide = rows_collide(factors.stride);
  const bool dense = is_dense(row, rest);
  RowWork work{row, rest, !dense && is_left(rest), 0, whole_vector()};
  while (work.channel < row.channels) {
    const std::int64_t left = row.channels - work.channel;
    const bool four = collide && left > kPanel + kLanes;
    work.last = last_vector(work.channel, four ? 4 : left > kLanes ? 2 : 1, row.channels);
    const float* const panel = panels + work.channel * depth;
    if (four) {
      multiply_blocks<6, 4>(factors, panel, depth, work);
      work.channel += kPanel;
    } else if (left > kLanes) {
      multiply_blocks<kRows, 2>(factors, panel, depth, work);
    } else {
      multiply_blocks<kRows, 1>(factors, panel, depth, work);
    }
    work.channel += kPanel;
  }
  if (dense) {
    finish_dense(row, rest);
  }
}

template <int kWide, int kStep>
void depthwise_blocks(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                      const RowWork& work) {
  each_block<kDepthwisePixels>(work.row.pixels, [&](auto rows, std::int64_t pixel) {
    depthwise_block<decltype(rows)::value, kWide, kStep>(taps, tap_count, step, weights, work, pixel);
  });
}

template <int kStep>
void depthwise_of_step(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                       const RowWork& work) {
  if (work.row.channels > kLanes) {
    depthwise_blocks<2, kStep>(taps, tap_count, step, weights, work);
  } else {
    depthwise_blocks<1, kStep>(taps, tap_count, step, weights, work);
  }
}

void depthwise(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
               const PanelRow& row, const PanelRest& rest) {
  const RowWork work{row, rest, is_left(rest), 0, last_vector(0, row.channels > kLanes ? 2 : 1, row.channels)};
  if (step == kPanel) {
    depthwise_of_step<1>(taps, tap_count, step, weights, work);
  } else if (step == 2 * kPanel) {
    depthwise_of_step<2>(taps, tap_count, step, weights, work);
  } else {
    depthwise_of_step<0>(taps, tap_count, step, weights, work);
  }
}

/// kPanels panels of a single pixel at a time.
template <int kPanels>
HWY_INLINE void pixel_block(const float* factors, const float* panels, std::int64_t depth, const RowWork& work) {
  constexpr int kVectors = 2 * kPanels;
  V sums[kVectors];
  FOVEA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = hn::LoadU(kF32, work.row.bias + work.channel + v * kLanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const V value = hn::Set(kF32, factors[k]);
    FOVEA_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const float* const weights = panels + (v / 2 * depth + k) * kPanel + v % 2 * kLanes;
      sums[v] = hn::MulAdd(value, hn::Load(kF32, weights), sums[v]);
    }
  }
  for (int v = 0; v < kVectors && work.channel + v * kLanes < work.row.channels; ++v) {
    V one[1][1] = {{sums[v]}};
    RowWork vector = work;
    vector.channel += v * kLanes;
    vector.last = last_vector(vector.channel, 1, work.row.channels);
    finish_block<1, 1>(one, vector, 0);
  }
}

void multiply_one(const float* factors, const float* panels, std::int64_t depth, const PanelRow& row,
                  const PanelRest& rest) {
  constexpr int kTogether = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
  RowWork work{row, rest, is_left(rest), 0, whole_vector()};
  while (row.channels - work.channel > (kTogether - 1) * kPanel) {
    pixel_block<kTogether>(factors, panels + work.channel * depth, depth, work);
    work.channel += kTogether * kPanel;
  }
  for (; work.channel < row.channels; work.channel += kPanel) {
    pixel_block<1>(factors, panels + work.channel * depth, depth, work);
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

}  // namespace

std::int64_t panel_channels() { return HWY_DYNAMIC_DISPATCH(panel_of_target)(); }

void multiply_rows(const PixelFactors& factors, const float* panels, std::int64_t depth, const PanelRow& row,
                   const PanelRest& rest) {
  HWY_DYNAMIC_DISPATCH(multiply)(factors, panels, depth, row, rest);
}

void multiply_pixel(const float* factors, const float* panels, std::int64_t depth, const PanelRow& row,
                    const PanelRest& rest) {
  HWY_DYNAMIC_DISPATCH(multiply_one)(factors, panels, depth, row, rest);
}

void depthwise_row(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                   const PanelRow& row, const PanelRest& rest) {
  HWY_DYNAMIC_DISPATCH(depthwise)(taps, tap_count, step, weights, row, rest);
}

void scale_panels(const float* panels, const float* factors, std::int64_t depth, std::int64_t count, float* scaled) {
  HWY_DYNAMIC_DISPATCH(scale)(panels, factors, depth, count, scaled);
}

void copy_row(const float* src, std::int64_t src_stride, const PanelRow& row) {
  HWY_DYNAMIC_DISPATCH(copy)(src, src_stride, row);
}

PanelLimits limits_of(const Finish& finish, bool may_add) {
  PanelLimits limits;
  const auto& steps = finish.steps;
  if (may_add && !steps.empty() && steps[0].op.kind == PostOpKind::kAdd &&
      steps[0].operand == FinishStep::Operand::kFull) {
    limits.adds = true;
    limits.steps = 1;
  }
  if (limits.steps < steps.size()) {
    const PostOp& op = steps[limits.steps].op;
    if (op.kind == PostOpKind::kClamp) {
      limits.least = op.alpha;
      limits.most = op.beta;
      ++limits.steps;
    } else if (op.kind == PostOpKind::kRelu && op.alpha == 0) {
      limits.least = 0;
      ++limits.steps;
    }
  }
  return limits.adds && limits.steps < steps.size() ? PanelLimits() : limits;
}

}  // namespace fovea::cpu
#endif
