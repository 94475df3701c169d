#include "engine/plugins/cpu/byte_depthwise.hpp"

#include <algorithm>
#include <array>

#include "engine/plugins/cpu/vnni-inl.h"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kVectors = 4;  // of sums, for a block: each holds a quarter of its channels

/// The channel of a block whose sum is in this lane: interleaving takes four neighbours of each 16.
std::int64_t channel_of(std::int64_t vector, std::int64_t lane) { return lane / 4 * 16 + vector * 4 + lane % 4; }

/// Groups of four rows.
std::int64_t groups_of(std::int64_t kernel) { return (kernel + 3) / 4; }

}  // namespace

ByteDepthwise pack_byte_depthwise(const DepthwiseShape& shape, const std::int8_t* weights, const std::int8_t* rest,
                                  const ByteFinish& finish) {
  ByteDepthwise plan{.shape = shape,
                     .terms = 1,
                     .blocks = {},
                     .packed = {},
                     .beginning = {},
                     .factor = {},
                     .shift = {},
                     .padding = {}};
  plan.terms = rest == nullptr ? 1 : 2;
  plan.zero = finish.zero;
  plan.exact = finish.exact;
  plan.least = finish.least;
  plan.most = finish.most;
  plan.padding.resize(static_cast<std::size_t>(shape.width * shape.channels), static_cast<std::uint8_t>(shape.zero));
  const std::int64_t groups = groups_of(shape.kernel);
  std::size_t bytes = 0;
  std::size_t values = 0;
  for (std::int64_t first = 0; first < shape.channels;) {
    const std::int64_t left = shape.channels - first;
    const int width = left > 32 ? 64 : left > 16 ? 32 : 16;
    plan.blocks.push_back({.first = first,
                           .channels = std::min<std::int64_t>(left, width),
                           .width = width,
                           .weights = bytes,
                           .values = values});
    bytes += static_cast<std::size_t>(plan.terms * shape.kernel * groups * 4 * width);
    values += static_cast<std::size_t>(width);
    first += width;
  }
  plan.packed = Tensor(DataType::kI8, {static_cast<std::int64_t>(bytes)});
  const std::span<std::int8_t> packed = plan.packed.data<std::int8_t>();
  std::ranges::fill(packed, std::int8_t{0});
  plan.beginning.resize(values, 0);
  plan.factor.resize(values, 0);
  plan.shift.resize(values, 0);
  for (const ByteDepthwise::Block& block : plan.blocks) {
    const std::int64_t lanes = block.width / kVectors;
    for (std::int64_t at = 0; at < block.width; ++at) {
      const std::int64_t channel = channel_of(at / lanes, at % lanes);
      if (channel >= block.channels) {
        continue;
      }
      const std::int64_t taps = shape.kernel * shape.kernel;
      std::int32_t sum = 0;
      for (std::int64_t i = 0; i < plan.terms * taps; ++i) {
        const std::int64_t y = i % taps / shape.kernel;
        const std::int64_t x = i / taps * shape.kernel + i % shape.kernel;
        const std::int8_t weight = (i < taps ? weights : rest)[(block.first + channel) * taps + i % taps];
        sum += weight;
        const std::int64_t column = (x * groups + y / 4) * block.width + at;
        packed[block.weights + static_cast<std::size_t>(column * 4 + y % 4)] = weight;
      }
      const std::size_t value = block.values + static_cast<std::size_t>(at);
      plan.beginning[value] = -shape.zero * sum + finish.start[static_cast<std::size_t>(block.first + channel)];
      plan.factor[value] = finish.factor[static_cast<std::size_t>(block.first + channel)];
      plan.shift[value] = finish.shift[static_cast<std::size_t>(block.first + channel)];
    }
  }
  return plan;
}

#if defined(__x86_64__)
FOVEA_VNNI_BEGIN
namespace {

using vnni::unrolled;

// The same instructions for 64, 32 and 16 channels.
#define FOVEA_WIDTH(name, bits, prefix, vector, floats, mask_type)                                          \
  struct name {                                                                                             \
    using I = vector;                                                                                       \
    using F = floats;                                                                                       \
    using Mask = mask_type;                                                                                 \
    static constexpr int kBytes = (bits) / 8;                                                               \
    static I load(Mask mask, const std::uint8_t* from) { return prefix##_maskz_loadu_epi8(mask, from); }    \
    static void store(std::uint8_t* to, Mask mask, I x) { prefix##_mask_storeu_epi8(to, mask, x); }         \
    static I whole(const void* from) { return prefix##_loadu_epi8(from); }                                  \
    static F whole_floats(const float* from) { return prefix##_loadu_ps(from); }                            \
    static I repeat_byte(int x) { return prefix##_set1_epi8(static_cast<char>(x)); }                        \
    static I repeat_word(std::int16_t x) { return prefix##_set1_epi16(x); }                                 \
    static I low_bytes(I a, I b) { return prefix##_unpacklo_epi8(a, b); }                                   \
    static I high_bytes(I a, I b) { return prefix##_unpackhi_epi8(a, b); }                                  \
    static I low_words(I a, I b) { return prefix##_unpacklo_epi16(a, b); }                                  \
    static I high_words(I a, I b) { return prefix##_unpackhi_epi16(a, b); }                                 \
    static I add_products(I sum, I bytes, I weights) { return prefix##_dpbusd_epi32(sum, bytes, weights); } \
    static I finish(I sum, F factor, F shift) {                                                             \
      return prefix##_cvtps_epi32(prefix##_fmadd_ps(prefix##_cvtepi32_ps(sum), factor, shift));             \
    }                                                                                                       \
    static I pack(I a, I b, I c, I d, I zero) {                                                             \
      return prefix##_packus_epi16(prefix##_adds_epi16(prefix##_packs_epi32(a, b), zero),                   \
                                   prefix##_adds_epi16(prefix##_packs_epi32(c, d), zero));                  \
    }                                                                                                       \
    static I limit(I x, I least, I most) { return prefix##_min_epu8(prefix##_max_epu8(x, least), most); }   \
  };
FOVEA_WIDTH(Wide, 512, _mm512, __m512i, __m512, __mmask64)
FOVEA_WIDTH(Half, 256, _mm256, __m256i, __m256, __mmask32)
FOVEA_WIDTH(Quarter, 128, _mm, __m128i, __m128, __mmask16)
#undef FOVEA_WIDTH

/// What all pixels of a block share.
template <class W>
struct BlockConstants {
  std::array<const std::uint8_t*, 5> rows;  ///< That a row of the output reads, at the block's first channel.
  const std::int8_t* weights;
  int terms;
  bool exact;
  const std::int32_t* beginning;
  const float* factor;
  const float* shift;
  typename W::Mask mask;
  std::int64_t channels;  ///< From pixel to pixel.
  std::int64_t width;
  typename W::I padding, zero, least, most;
};

template <int N>
using Counted = std::make_integer_sequence<int, N>;

/// P pixels of the output side by side, for one block of channels.
/// \tparam kInside  No column lies in the padding.
/// \param column    The input's, where the first filter begins.
/// \param apart     Columns from tap to tap of one filter; other than 1 for P = 1 only.
template <class W, int K, int S, int P, bool kInside>
void run_pixels(const BlockConstants<W>& block, std::int64_t column, std::int64_t apart, std::uint8_t* to) {
  using I = typename W::I;
  constexpr int kGroups = (K + 3) / 4;
  constexpr int kColumns = (P - 1) * S + K;
  I sums[P][4];
  unrolled(
      Counted<4>(), [&](auto j) __attribute__((always_inline)) {
        const I begin = W::whole(block.beginning + j * (W::kBytes / 4));
        unrolled(
            Counted<P>(), [&](auto p) __attribute__((always_inline)) { sums[p][j] = begin; });
      });
  const std::int8_t* weights = block.weights;
  for (int term = 0; term < block.terms; ++term, weights += K * kGroups * 4 * W::kBytes) {
    unrolled(
        Counted<kColumns>(), [&](auto c) __attribute__((always_inline)) {
          const std::int64_t x = column + c * apart;
          const bool inside = kInside || (x >= 0 && x < block.width);
          const std::int64_t at = x * block.channels;
          unrolled(
              Counted<kGroups>(), [&](auto g) __attribute__((always_inline)) {
                const auto row = [&](auto y) __attribute__((always_inline)) {
                  constexpr int kRow = 4 * decltype(g)::value + decltype(y)::value;
                  if constexpr (kRow < K) {
                    return inside ? W::load(block.mask, block.rows[kRow] + at) : block.padding;
                  } else {
                    return block.padding;  // its weights are zero
                  }
                };
                const I r0 = row(std::integral_constant<int, 0>());
                const I r1 = row(std::integral_constant<int, 1>());
                const I r2 = row(std::integral_constant<int, 2>());
                const I r3 = row(std::integral_constant<int, 3>());
                const I low01 = W::low_bytes(r0, r1);
                const I high01 = W::high_bytes(r0, r1);
                const I low23 = W::low_bytes(r2, r3);
                const I high23 = W::high_bytes(r2, r3);
                const I fours[4] = {W::low_words(low01, low23), W::high_words(low01, low23),
                                    W::low_words(high01, high23), W::high_words(high01, high23)};
                unrolled(
                    Counted<P>(), [&](auto p) __attribute__((always_inline)) {
                      constexpr int kTap = decltype(c)::value - decltype(p)::value * S;
                      if constexpr (kTap >= 0 && kTap < K) {
                        unrolled(
                            Counted<4>(), [&](auto j) __attribute__((always_inline)) {
                              const std::int8_t* const tap = weights + ((kTap * kGroups + g) * 4 + j) * W::kBytes;
                              sums[p][j] = W::add_products(sums[p][j], fours[j], W::whole(tap));
                            });
                      }
                    });
              });
        });
  }
  unrolled(
      Counted<4>(), [&](auto j) __attribute__((always_inline)) {
        const auto factors = W::whole_floats(block.factor + j * (W::kBytes / 4));
        const auto shifts = W::whole_floats(block.shift + j * (W::kBytes / 4));
        unrolled(
            Counted<P>(), [&](auto p) __attribute__((always_inline)) {
              sums[p][j] = block.exact ? vnni::round_exactly(sums[p][j], factors, shifts)
                                       : W::finish(sums[p][j], factors, shifts);
            });
      });
  unrolled(
      Counted<P>(), [&](auto p) __attribute__((always_inline)) {
        const I bytes = W::pack(sums[p][0], sums[p][1], sums[p][2], sums[p][3], block.zero);
        W::store(to + p * block.channels, block.mask, W::limit(bytes, block.least, block.most));
      });
}

using Rows = std::array<const std::uint8_t*, 5>;

template <class W, int K, int S>
void run_block(const ByteDepthwise& plan, const ByteDepthwise::Block& block, const Rows& rows, std::uint8_t* out) {
  constexpr std::int64_t kAtOnce = 4;
  const DepthwiseShape& shape = plan.shape;
  BlockConstants<W> constants{
      .rows = rows,
      .weights = reinterpret_cast<const std::int8_t*>(plan.packed.bytes().data()) + block.weights,
      .terms = plan.terms,
      .exact = plan.exact,
      .beginning = plan.beginning.data() + block.values,
      .factor = plan.factor.data() + block.values,
      .shift = plan.shift.data() + block.values,
      .mask = static_cast<typename W::Mask>(block.channels >= W::kBytes ? ~std::uint64_t{0}
                                                                        : (std::uint64_t{1} << block.channels) - 1),
      .channels = shape.channels,
      .width = shape.width,
      .padding = W::repeat_byte(shape.zero),
      .zero = W::repeat_word(plan.zero),
      .least = W::repeat_byte(plan.least),
      .most = W::repeat_byte(plan.most)};
  for (std::size_t k = 0; k < K; ++k) {
    constants.rows.at(k) += block.first;
  }
  out += block.first;
  if (shape.dilation != 1 || shape.out_width < kAtOnce) {
    for (std::int64_t x = 0; x < shape.out_width; ++x) {
      run_pixels<W, K, S, 1, false>(constants, x * S - shape.pad_left, shape.dilation, out + x * shape.channels);
    }
    return;
  }
  for (std::int64_t x = 0; x < shape.out_width; x += kAtOnce) {
    // The last ones once more, where fewer are left.
    const std::int64_t first = std::min(x, shape.out_width - kAtOnce);
    const std::int64_t column = first * S - shape.pad_left;
    const bool inside = column >= 0 && column + (kAtOnce - 1) * S + K <= shape.width;
    const auto run = inside ? run_pixels<W, K, S, kAtOnce, true> : run_pixels<W, K, S, kAtOnce, false>;
    run(constants, column, 1, out + first * shape.channels);
  }
}

template <int K, int S>
void run_row(const ByteDepthwise& plan, const Rows& rows, std::uint8_t* out) {
  for (const ByteDepthwise::Block& block : plan.blocks) {
    const auto run = block.width == 64   ? run_block<Wide, K, S>
                     : block.width == 32 ? run_block<Half, K, S>
                                         : run_block<Quarter, K, S>;
    run(plan, block, rows, out);
  }
}

}  // namespace

void run_byte_depthwise(const ByteDepthwise& plan, const std::uint8_t* picture, std::int64_t y, std::uint8_t* row) {
  const DepthwiseShape& shape = plan.shape;
  Rows rows{};
  for (std::int64_t k = 0; k < shape.kernel; ++k) {
    const std::int64_t from = y * shape.stride - shape.pad_top + k * shape.dilation;
    const bool inside = from >= 0 && from < shape.height;
    rows.at(static_cast<std::size_t>(k)) = inside ? picture + from * shape.width * shape.channels : plan.padding.data();
  }
  const auto run = shape.kernel == 3 ? (shape.stride == 1 ? run_row<3, 1> : run_row<3, 2>)
                                     : (shape.stride == 1 ? run_row<5, 1> : run_row<5, 2>);
  run(plan, rows, row);
}
FOVEA_VNNI_END
#else
void run_byte_depthwise(const ByteDepthwise& /*plan*/, const std::uint8_t* /*picture*/, std::int64_t /*y*/,
                        std::uint8_t* /*row*/) {
  fail(ErrorCode::kInternal, "bytes are not multiplied on this processor");
}
#endif

}  // namespace fovea::cpu
