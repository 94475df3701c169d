// Arithmetic on values stored as bytes, on vectors: tables, and sums and products of two that go onto steps of a third.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/plugins/cpu/byte_tables.hpp"

namespace fovea::cpu {

/// to[i] = table[from[i]]; in place if they are the same.
void map_bytes(const Table& table, const std::uint8_t* from, std::uint8_t* to, std::size_t count);

/// The same for rows that lie `from_apart` and `to_apart` bytes from each other.
void map_byte_rows(const Table& table, const std::uint8_t* from, std::size_t from_apart, std::uint8_t* to,
                   std::size_t to_apart, std::size_t rows, std::size_t length);

/// to[c][r] = from[r][c].
void transpose_bytes(const std::uint8_t* from, std::uint8_t* to, std::int64_t rows, std::int64_t columns);

/// sums[c] = Σ from[r · apart + c] for c < count ≤ kSummedTogether.
inline constexpr std::int64_t kSummedTogether = 64;
void sum_byte_rows(const std::uint8_t* from, std::int64_t rows, std::int64_t apart, std::int64_t count,
                   std::uint32_t* sums);

/// One side of an operation: x · factor + shift of what lies there.
struct ByteOperand {
  const void* data = nullptr;
  bool floats = false;  ///< f32 instead of u8.
  float factor = 1;
  float shift = 0;
};

/// to = clamp(round(a + b + shift), least, most), or of a · b; halves to even. NaN becomes `least`.
struct ByteOperation {
  bool product = false;
  float shift = 0;
  float least = 0, most = 255;  ///< Within 0 to 255.
};

/// Applies the operation to rows of `length` elements that lie behind each other.
/// \param b_repeats  All rows read the same row of b.
void combine_bytes(const ByteOperation& operation, const ByteOperand& a, const ByteOperand& b, std::size_t rows,
                   std::size_t length, bool b_repeats, std::uint8_t* to);

/// to[i] = clamp(round(from[i] · factor + shift), 0, most); halves to even.
void quantise_floats(const float* from, float factor, float shift, float most, std::uint8_t* to, std::size_t count);

/// The same for planes `plane` floats apart, as pixels of `planes` ≤ 4 bytes side by side.
void quantise_planes(const float* from, std::int64_t plane, std::int64_t planes, float factor, float shift, float most,
                     std::uint8_t* to, std::int64_t count);

}  // namespace fovea::cpu
