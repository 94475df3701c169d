// The three steps of a block of tiles (input transform, 36 matrix products, output transform), compiled once for each
// instruction set (Highway).
#include "engine/plugins/cpu/winograd.hpp"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/plugins/cpu/winograd.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include "engine/plugins/cpu/matrix_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace {

constexpr int kTaps = 36;  // of a transformed tile of 6x6
constexpr int kTile = 6;
constexpr int kStep = 4;  // pixels from tile to tile
static_assert(kStep == kPixels);

/// `rows` rows of the product, in parts of equal size: a last part of one or two would wait for its own sums.
template <int kWide>
void multiply_panel(std::int64_t rows, const float* a, std::int64_t a_stride, const float* panel, float* c,
                    std::int64_t c_stride, std::int64_t depth) {
  const std::int64_t parts = (rows + kRows - 1) / kRows;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = rows * part / parts;
    const std::int64_t count = rows * (part + 1) / parts - begin;
    multiply_rest<kRows, kWide>(count, a + begin * a_stride, a_stride, panel, c + begin * c_stride, c_stride, depth);
  }
}

/// Bᵀ · d for six values.
HWY_INLINE void transform_input(V& d0, V& d1, V& d2, V& d3, V& d4, V& d5) {
  const V two = hn::Set(kF32, 2);
  const V four = hn::Set(kF32, 4);
  const V five = hn::Set(kF32, 5);
  const V even_outer = hn::NegMulAdd(four, d2, d4);
  const V odd_outer = hn::NegMulAdd(four, d1, d3);
  const V even_inner = hn::Sub(d4, d2);
  const V odd_inner = hn::Mul(two, hn::Sub(d3, d1));
  const V first = hn::MulAdd(four, d0, hn::NegMulAdd(five, d2, d4));
  const V last = hn::MulAdd(four, d1, hn::NegMulAdd(five, d3, d5));
  d0 = first;
  d1 = hn::Add(even_outer, odd_outer);
  d2 = hn::Sub(even_outer, odd_outer);
  d3 = hn::Add(even_inner, odd_inner);
  d4 = hn::Sub(even_inner, odd_inner);
  d5 = last;
}

/// Aᵀ · m for six values: four outputs.
HWY_INLINE void transform_output(const V* m, V* out) {
  const V two = hn::Set(kF32, 2);
  const V four = hn::Set(kF32, 4);
  const V eight = hn::Set(kF32, 8);
  const V sum = hn::Add(m[1], m[2]);
  const V difference = hn::Sub(m[1], m[2]);
  const V far_sum = hn::Add(m[3], m[4]);
  const V far_difference = hn::Sub(m[3], m[4]);
  out[0] = hn::Add(m[0], hn::Add(sum, far_sum));
  out[1] = hn::MulAdd(two, far_difference, difference);
  out[2] = hn::MulAdd(four, far_sum, sum);
  out[3] = hn::Add(hn::MulAdd(eight, far_difference, difference), m[5]);
}

/// Transforms one tile whose first pixel is (y, x), a vector of channels at a time, to `v` (taps `tap_stride` apart).
void load_tile(const WinogradShape& shape, const float* src, std::int64_t y, std::int64_t x, float* v,
               std::int64_t tap_stride) {
  const bool inside = y >= 0 && x >= 0 && y + kTile <= shape.height && x + kTile <= shape.width;
  for (std::int64_t c = 0; c < shape.channels; c += kLanes) {
    const bool whole = c + kLanes <= shape.channels;
    const auto mask = hn::FirstN(kF32, static_cast<std::size_t>(std::min(kLanes, shape.channels - c)));
    V d[kTile][kTile];
    if (inside && whole) {
      FOVEA_UNROLL
      for (int i = 0; i < kTile; ++i) {
        const float* row = src + ((y + i) * shape.width + x) * shape.channels + c;
        FOVEA_UNROLL
        for (int j = 0; j < kTile; ++j) {
          d[i][j] = hn::LoadU(kF32, row + j * shape.channels);
        }
      }
    } else {
      for (int i = 0; i < kTile; ++i) {
        for (int j = 0; j < kTile; ++j) {
          const bool real = y + i >= 0 && y + i < shape.height && x + j >= 0 && x + j < shape.width;
          const float* pixel = src + ((y + i) * shape.width + x + j) * shape.channels + c;
          d[i][j] = !real ? hn::Zero(kF32) : whole ? hn::LoadU(kF32, pixel) : hn::MaskedLoad(mask, kF32, pixel);
        }
      }
    }
    FOVEA_UNROLL
    for (int j = 0; j < kTile; ++j) {
      transform_input(d[0][j], d[1][j], d[2][j], d[3][j], d[4][j], d[5][j]);
    }
    FOVEA_UNROLL
    for (int i = 0; i < kTile; ++i) {
      transform_input(d[i][0], d[i][1], d[i][2], d[i][3], d[i][4], d[i][5]);
      FOVEA_UNROLL
      for (int j = 0; j < kTile; ++j) {
        hn::Store(d[i][j], kF32, v + (i * kTile + j) * tap_stride + c);
      }
    }
  }
}

/// Transforms one tile's products back and stores its pixels, the first of which is (y, x).
/// \param at  Index of the picture's first value in the output.
void store_tile(const WinogradShape& shape, const Finish& finish, const float* const* operands, const float* m,
                std::int64_t tap_stride, std::int64_t y, std::int64_t x, std::int64_t at, float* dst) {
  const std::int64_t rows = std::min<std::int64_t>(kStep, shape.out_height - y);
  const auto columns = static_cast<int>(std::min<std::int64_t>(kStep, shape.out_width - x));
  for (std::int64_t k = 0; k < shape.outputs; k += kLanes) {
    const ChannelVector where = channel_vector(k, shape.outputs);
    V half[kStep][kTile];
    FOVEA_UNROLL
    for (int j = 0; j < kTile; ++j) {
      V column[kTile];
      FOVEA_UNROLL
      for (int i = 0; i < kTile; ++i) {
        column[i] = hn::Load(kF32, m + (i * kTile + j) * tap_stride + k);
      }
      V out[kStep];
      transform_output(column, out);
      FOVEA_UNROLL
      for (int i = 0; i < kStep; ++i) {
        half[i][j] = out[i];
      }
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      V out[kStep];
      transform_output(half[i], out);
      finish_pixels(finish, operands, where, out, columns, at + ((y + i) * shape.out_width + x) * shape.outputs + k,
                    dst);
    }
  }
}

void transform_tiles(const WinogradPlan& plan, const WinogradBlock& at, std::int64_t begin, std::int64_t end) {
  const WinogradShape& shape = plan.shape;
  const float* const src = at.src + at.picture * shape.height * shape.width * shape.channels;
  const std::int64_t first = at.block * plan.tiles_a_block;
  for (std::int64_t t = begin; t < end; ++t) {
    const std::int64_t y = (first + t) / plan.tiles_across * kStep;
    const std::int64_t x = (first + t) % plan.tiles_across * kStep;
    load_tile(shape, src, y - shape.pad_top, x - shape.pad_left, at.scratch + t * plan.padded_channels,
              plan.tiles_a_block * plan.padded_channels);
  }
}

void multiply_taps(const WinogradPlan& plan, const WinogradBlock& at, std::int64_t first, std::int64_t last) {
  const std::int64_t count = std::min(plan.tiles_a_block, plan.tiles - at.block * plan.tiles_a_block);
  const std::int64_t depth = plan.padded_channels;
  const std::int64_t outputs = plan.padded_outputs;
  const float* const v = at.scratch;                                 // [taps, tiles, channels]
  float* const m = at.scratch + kTaps * plan.tiles_a_block * depth;  // [taps, tiles, outputs]
  for (std::int64_t tap = first; tap < last; ++tap) {
    const float* a = v + tap * plan.tiles_a_block * depth;
    const float* b = at.packed_weights + tap * depth * outputs;
    float* c = m + tap * plan.tiles_a_block * outputs;
    std::int64_t k = 0;
    for (; k + 2 * kLanes <= outputs; k += 2 * kLanes) {
      multiply_panel<2>(count, a, depth, b + k * depth, c + k, outputs, plan.shape.channels);
    }
    if (k < outputs) {
      multiply_panel<1>(count, a, depth, b + k * depth, c + k, outputs, plan.shape.channels);
    }
  }
}

void store_tiles(const WinogradPlan& plan, const Finish& finish, const WinogradBlock& at, std::int64_t begin,
                 std::int64_t end) {
  const WinogradShape& shape = plan.shape;
  const std::int64_t output = at.picture * shape.out_height * shape.out_width * shape.outputs;
  const std::int64_t first = at.block * plan.tiles_a_block;
  const float* const m = at.scratch + kTaps * plan.tiles_a_block * plan.padded_channels;
  for (std::int64_t t = begin; t < end; ++t) {
    const std::int64_t y = (first + t) / plan.tiles_across * kStep;
    const std::int64_t x = (first + t) % plan.tiles_across * kStep;
    store_tile(shape, finish, at.operands, m + t * plan.padded_outputs, plan.tiles_a_block * plan.padded_outputs, y, x,
               output, at.dst);
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(transform_tiles);
HWY_EXPORT(multiply_taps);
HWY_EXPORT(store_tiles);
HWY_EXPORT(lanes);
HWY_EXPORT(rows_at_once);

constexpr int kTaps = kWinogradTaps;

constexpr std::int64_t rounded_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

/// G · g · Gᵀ for one 3x3 filter, in double: weights are rounded once.
std::array<double, kTaps> transform_filter(const float* filter) {
  static constexpr double kG[6][3] = {{1.0 / 4, 0, 0},
                                      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                      {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                      {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                      {0, 0, 1}};
  double rows[6][3];
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 3; ++j) {
      rows[i][j] = kG[i][0] * filter[j] + kG[i][1] * filter[3 + j] + kG[i][2] * filter[6 + j];
    }
  }
  std::array<double, kTaps> result{};
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      result[static_cast<std::size_t>(i * 6 + j)] =
          rows[i][0] * kG[j][0] + rows[i][1] * kG[j][1] + rows[i][2] * kG[j][2];
    }
  }
  return result;
}

}  // namespace

WinogradPlan plan_winograd(const WinogradShape& shape, int threads) {
  const std::int64_t lanes = HWY_DYNAMIC_DISPATCH(lanes)();
  const std::int64_t rows = HWY_DYNAMIC_DISPATCH(rows_at_once)();
  WinogradPlan plan{.shape = shape};
  plan.tiles_across = (shape.out_width + 3) / 4;
  plan.tiles = plan.tiles_across * ((shape.out_height + 3) / 4);
  plan.padded_channels = rounded_up(shape.channels, lanes);
  plan.padded_outputs = rounded_up(shape.outputs, lanes);
  // A block's transformed inputs and products stay in a core's second-level cache (1 MiB on current servers, and
  // little is lost where it is half of that), unless reading the weights once more costs more than leaving it.
  const std::int64_t weight_bytes = kTaps * shape.channels * plan.padded_outputs * std::int64_t{sizeof(float)};
  const std::int64_t budget = std::clamp<std::int64_t>(weight_bytes / 4, 900 * 1024, 4096 * 1024);
  const std::int64_t tile_bytes = kTaps * (plan.padded_channels + plan.padded_outputs) * std::int64_t{sizeof(float)};
  const std::int64_t most = std::max(rows, budget / tile_bytes / rows * rows);
  // Weights that the second-level caches do not hold come from one memory for all threads.
  constexpr std::int64_t kFarWeights = 4096 * 1024;
  plan.together = threads > 1 && weight_bytes > kFarWeights;
  const int parts = plan.together ? 1 : threads;
  const std::int64_t share = (plan.tiles + parts - 1) / parts;
  const std::int64_t blocks = (share + most - 1) / most;  // of each thread
  plan.tiles_a_block = (share + blocks - 1) / blocks;
  plan.blocks = (plan.tiles + plan.tiles_a_block - 1) / plan.tiles_a_block;
  plan.scratch_floats =
      static_cast<std::size_t>(kTaps * plan.tiles_a_block * (plan.padded_channels + plan.padded_outputs));
  return plan;
}

double expected_gain(const WinogradPlan& plan, int threads) {
  // Costs in multiply-adds of the matrix product; they agree with a sweep over 16…512 channels and 7…256 pixels.
  constexpr double kProduct = 1.15;      // the last rows of a block use the registers badly
  constexpr double kInputTransform = 6;  // of one channel of a transformed value
  constexpr double kOutputTransform = 5;
  // Reading a packed weight once a block, from the second-level cache, the third, or beyond.
  constexpr double kNear = 2.5;
  constexpr double kFar = 6.5;
  constexpr double kFarthest = 13;
  const WinogradShape& shape = plan.shape;
  const auto channels = static_cast<double>(plan.padded_channels);
  const auto outputs = static_cast<double>(plan.padded_outputs);
  const auto tiles = static_cast<double>(plan.tiles);
  const double weights = kTaps * static_cast<double>(shape.channels) * outputs;
  const double weight_bytes = weights * sizeof(float);
  const double read = weight_bytes < 512 * 1024 ? kNear : weight_bytes < 4096 * 1024 ? kFar : kFarthest;
  const double cost = tiles * (weights * kProduct + kTaps * (channels * kInputTransform + outputs * kOutputTransform)) +
                      static_cast<double>(plan.blocks) * weights * read;
  const double direct = 9 * static_cast<double>(shape.channels * shape.outputs * shape.out_height * shape.out_width);
  // Threads whose share is a block less than that of others wait for them.
  const int parts = plan.together ? 1 : threads;
  const auto rounds = static_cast<double>((plan.blocks + parts - 1) / parts * parts);
  return direct / (cost * rounds / static_cast<double>(plan.blocks));
}

Tensor pack_winograd_weights(const WinogradPlan& plan, const float* weights) {
  const std::int64_t lanes = HWY_DYNAMIC_DISPATCH(lanes)();
  const std::int64_t channels = plan.shape.channels;
  const std::int64_t depth = plan.padded_channels;
  Tensor packed(DataType::kF32, {kTaps, depth * plan.padded_outputs});
  float* const data = packed.data<float>().data();
  std::fill_n(data, packed.size(), 0.0F);
  for (std::int64_t k = 0; k < plan.shape.outputs; ++k) {
    // Panels of two vectors of outputs, the last one perhaps of one; inside, channel by channel.
    const std::int64_t panel = k / (2 * lanes) * (2 * lanes);
    const std::int64_t width = std::min(2 * lanes, plan.padded_outputs - panel);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::array<double, kTaps> taps = transform_filter(weights + (k * channels + c) * 9);
      for (int tap = 0; tap < kTaps; ++tap) {
        data[tap * depth * plan.padded_outputs + panel * depth + c * width + k - panel] =
            static_cast<float>(taps[static_cast<std::size_t>(tap)]);
      }
    }
  }
  return packed;
}

std::int64_t tiles_of_block(const WinogradPlan& plan, std::int64_t block) {
  return std::min(plan.tiles_a_block, plan.tiles - block * plan.tiles_a_block);
}

void transform_winograd_tiles(const WinogradPlan& plan, const WinogradBlock& at, std::int64_t first,
                              std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(transform_tiles)(plan, at, first, last);
}

void multiply_winograd_taps(const WinogradPlan& plan, const WinogradBlock& at, std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(multiply_taps)(plan, at, first, last);
}

void store_winograd_tiles(const WinogradPlan& plan, const Finish& finish, const WinogradBlock& at, std::int64_t first,
                          std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(store_tiles)(plan, finish, at, first, last);
}

void run_winograd_block(const WinogradPlan& plan, const Finish& finish, const float* const* operands,
                        const float* packed_weights, const float* src, float* dst, std::int64_t picture,
                        std::int64_t block, float* scratch) {
  const WinogradBlock at{.src = src,
                         .dst = dst,
                         .operands = operands,
                         .packed_weights = packed_weights,
                         .picture = picture,
                         .block = block,
                         .scratch = scratch};
  const std::int64_t tiles = tiles_of_block(plan, block);
  transform_winograd_tiles(plan, at, 0, tiles);
  multiply_winograd_taps(plan, at, 0, kWinogradTaps);
  store_winograd_tiles(plan, finish, at, 0, tiles);
}

}  // namespace fovea::cpu
#endif
