// The vectorised inner loops of preprocessing, compiled for several instruction sets and chosen at run time.
// Internal to vision/.
//
// Fixed point: a blended row holds value·128 in int16 (at most 32640); column weights are in 1/16384, so a
// sample is Σ row·weight in int32, scaled by 2^21 = kSampleScale. Errors in grey levels: 1/256 for rounding the
// row, 255/2^15 for the row weight (its largest is 32767/32768), 255/2^15 for the column weight.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fovea::preprocess {

inline constexpr int kRowWeightOne = 32768;
inline constexpr int kColumnWeightOne = 16384;
inline constexpr double kSampleScale = 128.0 * kColumnWeightOne;

/// Blended rows are readable for this many samples past the last one a table names, for permutations of that many.
inline constexpr std::size_t kPermutedSamples = 64;

/// Columns one permutation serves: 32-bit lanes of the widest vector.
inline constexpr std::size_t kPermutedColumns = 16;

/// Tables and rows are padded to a multiple of this many elements, enough for any vector.
inline constexpr std::size_t kRowPadding = 64;

/// Splits `count` pixels of `step` bytes (1 to 4; a fourth is ignored) of two rows into component rows, blended:
/// out[c][i] = 128·(top·(1 − weight/32768) + bottom·weight/32768). Reads exactly count·step bytes of each.
/// \param weight  0…32767.
void blend_rows(const std::uint8_t* top, const std::uint8_t* bottom, int step, int weight, std::size_t count,
                const std::array<std::int16_t*, 3>& out);

/// Where an output column's two samples lie in a blended row and how they weigh.
struct ColumnTable {
  const std::int32_t* offset_bytes = nullptr;  ///< Of the first sample; the second follows.
  std::size_t window = 0;                      ///< Most samples any kPermutedColumns neighbouring columns span.
  const std::int32_t* weights = nullptr;       ///< First weight in the lower, second in the upper 16 bits.
};

/// One row of the output from blended rows.
struct RowJob {
  int planes = 1;    ///< 1 or 3.
  int channels = 3;  ///< 1 or 3.
  std::array<const std::int16_t*, 3> rows{};
  std::array<ColumnTable, 3> columns{};
  std::array<std::array<float, 3>, 3> matrix{};  ///< Divided by kSampleScale.
  std::array<float, 3> offset{};
  std::array<float, 3> gain{};
  std::array<float, 3> bias{};
  std::size_t count = 0;
};

/// out[c] = clamp(matrix·samples + offset, 0, 255)·gain + bias; bytes are rounded to nearest and saturated. Tables must
/// be readable up to a multiple of kRowPadding; exactly `count` values of each channel are written.
void convert_row(const RowJob& job, const std::array<float*, 3>& out);
void convert_row(const RowJob& job, const std::array<std::uint8_t*, 3>& out);

/// destination[3·i + c] = source[c][i].
void interleave(const std::array<const float*, 3>& source, float* destination, std::size_t count);
void interleave(const std::array<const std::uint8_t*, 3>& source, std::uint8_t* destination, std::size_t count);

}  // namespace fovea::preprocess
