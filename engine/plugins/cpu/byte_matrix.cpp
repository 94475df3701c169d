#include "engine/plugins/cpu/byte_matrix.hpp"

#include <algorithm>
#include <cstring>

#include "engine/plugins/cpu/vnni-inl.h"

namespace fovea::cpu {

namespace {

/// Writes one term of a panel's weights and adds them up by output.
void pack_panel(const ByteMatrix::Panel& panel, const std::int8_t* weights, std::int64_t outputs, std::int64_t depth,
                std::int8_t* packed, std::int32_t* sums) {
  const std::int64_t width = 16 * panel.vectors;
  for (std::int64_t o = 0; o < std::min(outputs - panel.first, width); ++o) {
    for (std::int64_t k = 0; k < depth; ++k) {
      const std::int8_t weight = weights[(panel.first + o) * depth + k];
      packed[(k / 4 * width + o) * 4 + k % 4] = weight;
      sums[o] += weight;
    }
  }
}

}  // namespace

ByteMatrix pack_byte_matrix(const std::int8_t* weights, const std::int8_t* rest, std::int64_t outputs,
                            std::int64_t depth, int zero, const ByteFinish& finish) {
  constexpr std::int64_t kMostVectors = 4;
  ByteMatrix matrix{.depth = depth, .outputs = outputs, .panels = {}, .packed = {}, .beginning = {}};
  const std::int64_t vectors = (outputs + 15) / 16;
  const std::int64_t count = (vectors + kMostVectors - 1) / kMostVectors;
  const std::int64_t column = (depth + 3) / 4 * 4;
  const int terms = rest == nullptr ? 1 : 2;
  matrix.packed = Tensor(DataType::kI8, {vectors * 16 * column * terms});
  const std::span<std::int8_t> packed = matrix.packed.data<std::int8_t>();
  std::ranges::fill(packed, std::int8_t{0});
  std::vector<std::int32_t> sums(static_cast<std::size_t>(vectors * 16 + 48), 0);  // whole panels may be read
  std::int64_t offset = 0;
  for (std::int64_t p = 0; p < count; ++p) {
    // Panels of about the same width: a last one of a single vector would wait for its own sums.
    const std::int64_t first = vectors * p / count;
    const std::int64_t width = vectors * (p + 1) / count - first;
    matrix.panels.push_back(
        {.first = first * 16, .vectors = static_cast<int>(width), .offset = offset, .terms = terms});
    for (int term = 0; term < terms; ++term) {
      pack_panel(matrix.panels.back(), term == 0 ? weights : rest, outputs, depth, packed.data() + offset,
                 sums.data() + first * 16);
      offset += column * width * 16;
    }
  }
  matrix.beginning = std::move(sums);
  for (std::size_t o = 0; o < matrix.beginning.size(); ++o) {
    matrix.beginning[o] = -zero * matrix.beginning[o] + (o < finish.start.size() ? finish.start[o] : 0);
  }
  return matrix;
}

#if defined(__x86_64__)
FOVEA_VNNI_BEGIN
namespace {

using vnni::Finisher;
using vnni::unrolled;

template <int N>
using Counted = std::make_integer_sequence<int, N>;

/// Four bytes of each row times a column of the panel.
template <int R, int W>
[[gnu::always_inline]] inline void add_products(__m512i (&sums)[R][W], const int (&words)[R],
                                                const std::int8_t* column) {
  __m512i weights[W];
  unrolled(
      Counted<W>(), [&](auto w) __attribute__((always_inline)) { weights[w] = _mm512_load_si512(column + 64 * w); });
  unrolled(
      Counted<R>(), [&](auto r) __attribute__((always_inline)) {
        const __m512i bytes = _mm512_set1_epi32(words[r]);
        unrolled(
            Counted<W>(), [&](auto w) __attribute__((always_inline)) {
              sums[r][w] = _mm512_dpbusd_epi32(sums[r][w], bytes, weights[w]);
            });
      });
}

/// R rows of the product, W vectors wide. \param rows  Where each begins.
template <int R, int W, bool kFloats>
void multiply_block(const std::uint8_t* const* rows, std::int64_t depth, int terms, const std::int8_t* panel,
                    const std::int32_t* beginning, const Finisher& finisher, std::byte* result,
                    std::int64_t result_stride) {
  __m512i sums[R][W];
  unrolled(
      Counted<R>(), [&](auto r) __attribute__((always_inline)) {
        unrolled(
            Counted<W>(), [&](auto w)
                              __attribute__((always_inline)) { sums[r][w] = _mm512_loadu_si512(beginning + 16 * w); });
      });
  for (int term = 0; term < terms; ++term) {
    for (std::int64_t k = 0; k < depth; k += 4, panel += 64 * W) {
      int words[R];
      unrolled(
          Counted<R>(), [&](auto r)
                            __attribute__((always_inline)) { std::memcpy(&words[r], rows[r] + k, sizeof(int)); });
      add_products(sums, words, panel);
    }
  }
  // What the compiler moves to memory for the finishing it would otherwise store in every round of the loop.
  unrolled(
      Counted<R>(), [&](auto r) __attribute__((always_inline)) {
        unrolled(
            Counted<W>(), [&](auto w) __attribute__((always_inline)) { asm(""
                                                                           : "+v"(sums[r][w])); });
      });
  unrolled(
      Counted<R>(), [&](auto r) __attribute__((always_inline)) {
        if constexpr (kFloats) {
          vnni::store_floats<W>(sums[r], finisher, result + r * result_stride);
        } else {
          vnni::store_steps<W>(sums[r], finisher, result + r * result_stride);
        }
      });
}

/// The same for `count` ≤ R rows.
template <int R, int W, bool kFloats>
void multiply_rest(int count, const std::uint8_t* const* rows, std::int64_t depth, int terms, const std::int8_t* panel,
                   const std::int32_t* beginning, const Finisher& finisher, std::byte* result,
                   std::int64_t result_stride) {
  if constexpr (R > 0) {
    if (count == R) {
      multiply_block<R, W, kFloats>(rows, depth, terms, panel, beginning, finisher, result, result_stride);
    } else {
      multiply_rest<R - 1, W, kFloats>(count, rows, depth, terms, panel, beginning, finisher, result, result_stride);
    }
  }
}

/// So many rows that the sums fill most of the 32 registers.
template <int W>
constexpr int kRowsOf = W == 4   ? 6
                        : W == 3 ? 8
                                 : 12;

template <int W, bool kFloats>
void multiply_panel(const ByteMatrix& matrix, const ByteMatrix::Panel& panel, const Finisher& finisher,
                    const ByteRows& rows, const std::uint8_t* left, std::byte* result, std::int64_t first,
                    std::int64_t last) {
  constexpr std::int64_t kRows = kRowsOf<W>;
  const std::int64_t element = kFloats ? 4 : 1;
  const std::int64_t parts = (last - first + kRows - 1) / kRows;
  const std::int8_t* const weights = reinterpret_cast<const std::int8_t*>(matrix.packed.bytes().data()) + panel.offset;
  for (std::int64_t part = 0; part < parts; ++part) {
    // Parts of about the same size: a last one of a single row would wait for its own sums.
    const std::int64_t begin = first + (last - first) * part / parts;
    const std::int64_t count = first + (last - first) * (part + 1) / parts - begin;
    const std::uint8_t* starts[kRows];
    for (std::int64_t r = 0; r < count; ++r) {
      starts[r] = left + (begin + r) / rows.run * rows.run_stride + (begin + r) % rows.run * rows.stride;
    }
    multiply_rest<kRowsOf<W>, W, kFloats>(
        static_cast<int>(count), starts, matrix.depth, panel.terms, weights, matrix.beginning.data() + panel.first,
        finisher, result + (begin * matrix.outputs + panel.first) * element, matrix.outputs * element);
  }
}

template <bool kFloats>
void multiply(const ByteMatrix& matrix, const ByteFinish& finish, const ByteRows& rows, const std::uint8_t* left,
              std::byte* result, std::int64_t first_row, std::int64_t last_row, std::size_t first_panel,
              std::size_t last_panel) {
  for (std::size_t p = first_panel; p < last_panel; ++p) {
    const ByteMatrix::Panel& panel = matrix.panels[p];
    const Finisher finisher{.factor = finish.factor.data() + panel.first,
                            .shift = finish.shift.data() + panel.first,
                            .zero = _mm512_set1_epi16(finish.zero),
                            .least = _mm512_set1_epi8(static_cast<char>(finish.least)),
                            .most = _mm512_set1_epi8(static_cast<char>(finish.most)),
                            .exact = finish.exact,
                            .channels = std::min<std::int64_t>(matrix.outputs - panel.first, 16 * panel.vectors)};
    const auto run = panel.vectors == 4   ? multiply_panel<4, kFloats>
                     : panel.vectors == 3 ? multiply_panel<3, kFloats>
                     : panel.vectors == 2 ? multiply_panel<2, kFloats>
                                          : multiply_panel<1, kFloats>;
    run(matrix, panel, finisher, rows, left, result, first_row, last_row);
  }
}

}  // namespace

void multiply_bytes(const ByteMatrix& matrix, const ByteFinish& finish, const ByteRows& rows, const std::uint8_t* left,
                    std::byte* result, std::int64_t first_row, std::int64_t last_row, std::size_t first_panel,
                    std::size_t last_panel) {
  (finish.floats ? multiply<true> : multiply<false>)(matrix, finish, rows, left, result, first_row, last_row,
                                                     first_panel, last_panel);
}
FOVEA_VNNI_END
#else
void multiply_bytes(const ByteMatrix& /*matrix*/, const ByteFinish& /*finish*/, const ByteRows& /*rows*/,
                    const std::uint8_t* /*left*/, std::byte* /*result*/, std::int64_t /*first_row*/,
                    std::int64_t /*last_row*/, std::size_t /*first_panel*/, std::size_t /*last_panel*/) {
  fail(ErrorCode::kInternal, "bytes are not multiplied on this processor");
}
#endif

}  // namespace fovea::cpu
