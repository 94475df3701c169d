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
void load_tile(const WinogradShape& shape, const float* src, std::int64_t stride, std::int64_t y, std::int64_t x,
               float* v, std::int64_t tap_stride) {
  const bool inside = y >= 0 && x >= 0 && y + kTile <= shape.height && x + kTile <= shape.width;
  for (std::int64_t c = 0; c < shape.channels; c += kLanes) {
    const bool whole = c + kLanes <= shape.channels;
    const auto mask = hn::FirstN(kF32, static_cast<std::size_t>(std::min(kLanes, shape.channels - c)));
    V d[kTile][kTile];
    if (inside && whole) {
      FOVEA_UNROLL
      for (int i = 0; i < kTile; ++i) {
        const float* row = src + ((y + i) * shape.width + x) * stride + c;
        FOVEA_UNROLL
        for (int j = 0; j < kTile; ++j) {
          d[i][j] = hn::LoadU(kF32, row + j * stride);
        }
      }
    } else {
      for (int i = 0; i < kTile; ++i) {
        for (int j = 0; j < kTile; ++j) {
          const bool real = y + i >= 0 && y + i < shape.height && x + j >= 0 && x + j < shape.width;
          const float* pixel = src + ((y + i) * shape.width + x + j) * stride + c;
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

/// Transforms one tile's products of the channels [first, last) back and stores its pixels, the first of which is (y,
/// x).
void store_tile(const WinogradShape& shape, const Finish& finish, const WinogradMemory& memory, const float* m,
                std::int64_t tap_stride, std::int64_t first, std::int64_t last, std::int64_t picture, std::int64_t y,
                std::int64_t x) {
  const std::int64_t rows = std::min<std::int64_t>(kStep, shape.out_height - y);
  const auto columns = static_cast<int>(std::min<std::int64_t>(kStep, shape.out_width - x));
  for (std::int64_t k = first; k < std::min(last, shape.outputs); k += kLanes) {
    const ChannelVector where = channel_vector(k, shape.outputs);
    V half[kStep][kTile];
    FOVEA_UNROLL
    for (int j = 0; j < kTile; ++j) {
      V column[kTile];
      FOVEA_UNROLL
      for (int i = 0; i < kTile; ++i) {
        column[i] = hn::Load(kF32, m + (i * kTile + j) * tap_stride + k - first);
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
      const std::int64_t pixel = (picture * shape.out_height + y + i) * shape.out_width + x;
      finish_pixels(finish, memory.operands, where, out, columns, pixel, memory.dst, memory.dst_stride);
    }
  }
}

void run_block(const WinogradPlan& plan, const Finish& finish, const WinogradMemory& memory, std::int64_t picture,
               std::int64_t block, float* scratch) {
  const WinogradShape& shape = plan.shape;
  const float* const src = memory.src + picture * shape.height * shape.width * memory.src_stride;
  // Blocks with the same weights follow each other.
  const std::int64_t first = block % plan.tile_blocks * plan.tiles_a_block;
  const std::int64_t first_output = block / plan.tile_blocks * plan.outputs_a_part;
  const std::int64_t last_output = std::min(first_output + plan.outputs_a_part, plan.padded_outputs);
  const std::int64_t count = std::min(plan.tiles_a_block, plan.tiles - first);
  const std::int64_t depth = plan.padded_channels;
  const std::int64_t outputs = plan.outputs_a_part;
  float* const v = scratch;                                       // [taps, tiles, channels]
  float* const m = scratch + kTaps * plan.tiles_a_block * depth;  // [taps, tiles, outputs]
  const std::int64_t v_stride = plan.tiles_a_block * depth;
  const std::int64_t m_stride = plan.tiles_a_block * outputs;
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t y = (first + t) / plan.tiles_across * kStep;
    const std::int64_t x = (first + t) % plan.tiles_across * kStep;
    load_tile(shape, src, memory.src_stride, y - shape.pad_top, x - shape.pad_left, v + t * depth, v_stride);
  }
  for (int tap = 0; tap < kTaps; ++tap) {
    const float* a = v + tap * v_stride;
    const float* b = memory.weights + tap * depth * plan.padded_outputs;
    float* c = m + tap * m_stride - first_output;
    std::int64_t k = first_output;
    for (; k + 2 * kLanes <= last_output; k += 2 * kLanes) {
      multiply_panel<2>(count, a, depth, b + k * depth, c + k, outputs, shape.channels);
    }
    if (k < last_output) {
      multiply_panel<1>(count, a, depth, b + k * depth, c + k, outputs, shape.channels);
    }
  }
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t y = (first + t) / plan.tiles_across * kStep;
    const std::int64_t x = (first + t) % plan.tiles_across * kStep;
    store_tile(shape, finish, memory, m + t * outputs, m_stride, first_output, last_output, picture, y, x);
  }
}

}  // namespace
}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
namespace {

HWY_EXPORT(run_block);
HWY_EXPORT(lanes);
HWY_EXPORT(rows_at_once);

constexpr int kTaps = 36;

constexpr std::int64_t rounded_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Cost of a division in multiply-adds of the matrix product; the constants agree with a sweep over 16…512 channels and
/// 7…256 pixels.
double cost_of(const WinogradPlan& plan, int threads) {
  constexpr double kProduct = 1.15;      // the last rows of a block use the registers badly
  constexpr double kInputTransform = 6;  // of one channel of a transformed value
  constexpr double kOutputTransform = 5;
  // Reading a packed weight once a block, from the second-level cache, the third, or beyond.
  constexpr double kNear = 2.5;
  constexpr double kFar = 6.5;
  constexpr double kFarthest = 13;
  const auto channels = static_cast<double>(plan.padded_channels);
  const auto outputs = static_cast<double>(plan.padded_outputs);
  const auto tiles = static_cast<double>(plan.tiles);
  const auto parts = static_cast<double>(plan.parts);
  const double weights = kTaps * static_cast<double>(plan.shape.channels) * outputs;
  const double weight_bytes = weights * sizeof(float);
  const double read = weight_bytes < 512 * 1024 ? kNear : weight_bytes < 4096 * 1024 ? kFar : kFarthest;
  const double cost =
      tiles * (weights * kProduct + kTaps * (parts * channels * kInputTransform + outputs * kOutputTransform)) +
      static_cast<double>(plan.tile_blocks) * weights * read;
  // Threads whose share is a block less than that of others wait for them.
  const auto rounds = static_cast<double>((plan.blocks + threads - 1) / threads * threads);
  return cost * rounds / static_cast<double>(plan.blocks);
}

/// A division into so many parts of the output channels, blocks as large as their scratch memory may be.
WinogradPlan divide(const WinogradShape& shape, int threads, std::int64_t parts) {
  const std::int64_t lanes = HWY_DYNAMIC_DISPATCH(lanes)();
  const std::int64_t rows = HWY_DYNAMIC_DISPATCH(rows_at_once)();
  WinogradPlan plan{.shape = shape};
  plan.tiles_across = (shape.out_width + 3) / 4;
  plan.tiles = plan.tiles_across * ((shape.out_height + 3) / 4);
  plan.padded_channels = rounded_up(shape.channels, lanes);
  plan.padded_outputs = rounded_up(shape.outputs, lanes);
  plan.outputs_a_part = std::min(rounded_up((plan.padded_outputs + parts - 1) / parts, 2 * lanes), plan.padded_outputs);
  plan.parts = (plan.padded_outputs + plan.outputs_a_part - 1) / plan.outputs_a_part;
  // A block's transformed inputs and products stay in a core's second-level cache (1 MiB on current servers, and
  // little is lost where it is half of that), unless reading the weights once more costs more than leaving it.
  const std::int64_t weight_bytes = kTaps * shape.channels * plan.padded_outputs * std::int64_t{sizeof(float)};
  const std::int64_t budget = std::clamp<std::int64_t>(weight_bytes / 4, 900 * 1024, 4096 * 1024);
  const std::int64_t tile_bytes = kTaps * (plan.padded_channels + plan.outputs_a_part) * std::int64_t{sizeof(float)};
  const std::int64_t most = std::max(rows, budget / tile_bytes / rows * rows);
  const std::int64_t sharers = std::max<std::int64_t>((threads + plan.parts - 1) / plan.parts, 1);
  const std::int64_t share = (plan.tiles + sharers - 1) / sharers;
  const std::int64_t blocks = (share + most - 1) / most;  // of each thread
  plan.tiles_a_block = (share + blocks - 1) / blocks;
  plan.tile_blocks = (plan.tiles + plan.tiles_a_block - 1) / plan.tiles_a_block;
  plan.blocks = plan.tile_blocks * plan.parts;
  plan.scratch_floats =
      static_cast<std::size_t>(kTaps * plan.tiles_a_block * (plan.padded_channels + plan.outputs_a_part));
  return plan;
}

}  // namespace

WinogradPlan plan_winograd(const WinogradShape& shape, int threads) {
  constexpr double kClearly = 0.93;  // more parts transform the inputs more often, which the cost knows but roughly
  WinogradPlan best = divide(shape, threads, 1);
  for (std::int64_t parts = 2; threads > 1 && parts <= 4 * threads; parts *= 2) {
    const WinogradPlan other = divide(shape, threads, parts);
    best = cost_of(other, threads) < kClearly * cost_of(best, threads) ? other : best;
  }
  return best;
}

double expected_gain(const WinogradPlan& plan, int threads) {
  const WinogradShape& shape = plan.shape;
  const double direct = 9 * static_cast<double>(shape.channels * shape.outputs * shape.out_height * shape.out_width);
  return direct / cost_of(plan, threads);
}

std::size_t packed_winograd_floats(const WinogradPlan& plan) {
  return static_cast<std::size_t>(kTaps * plan.padded_channels * plan.padded_outputs);
}

std::string winograd_form(const WinogradPlan& plan) {
  return fmt::format("winograd 4x4 {} of {} by {} of {}, {} lanes", plan.shape.channels, plan.padded_channels,
                     plan.shape.outputs, plan.padded_outputs, HWY_DYNAMIC_DISPATCH(lanes)());
}

void pack_winograd_weights(const WinogradPlan& plan, const float* weights, float* packed) {
  pack_winograd_panels(plan, HWY_DYNAMIC_DISPATCH(lanes)(), weights, packed);
}

void run_winograd_block(const WinogradPlan& plan, const Finish& finish, const WinogradMemory& memory,
                        std::int64_t picture, std::int64_t block, float* scratch) {
  HWY_DYNAMIC_DISPATCH(run_block)(plan, finish, memory, picture, block, scratch);
}

}  // namespace fovea::cpu
#endif
