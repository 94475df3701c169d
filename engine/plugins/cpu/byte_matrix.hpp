// Products of a matrix of bytes and one of packed weights, on AVX-512 with VNNI: 1x1 convolutions, fully connected
// layers.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "engine/plugins/cpu/byte_finish.hpp"

namespace fovea::cpu {

/// Bytes that may be read behind a buffer.
inline constexpr std::size_t kByteSlack = 64;

/// Rows of the left matrix: `run` of them lie `stride` bytes apart, then comes the next run, `run_stride` bytes from
/// the start of the one before. A matrix is a single run; a picture read with stride 2 has one for each row of pixels.
struct ByteRows {
  std::int64_t run = 0;
  std::int64_t stride = 0;
  std::int64_t run_stride = 0;
};

/// Weights as the kernel reads them. Immutable, shared by all requests.
struct ByteMatrix {
  std::int64_t depth = 0;    ///< Columns of the left matrix.
  std::int64_t outputs = 0;  ///< Columns of the result.
  struct Panel {
    std::int64_t first = 0;   ///< Output channel.
    int vectors = 0;          ///< Of 16 channels, at most 4.
    std::int64_t offset = 0;  ///< In `packed`.
    int terms = 1;            ///< 2: weights are sums of two, the second ones behind all the first.
  };
  std::vector<Panel> panels;
  Tensor packed;                        ///< i8: for each panel, for each four of the depth, 16 · vectors · 4 bytes.
  std::vector<std::int32_t> beginning;  ///< What sums start from: the input's zero taken off. Padded to whole vectors.
};

/// \param weights  i8 [outputs, depth].
/// \param rest     The same, to be added to the weights; nullptr: nothing.
/// \param zero     The step that means zero on the left.
/// \param finish   Of the product: what sums start from.
ByteMatrix pack_byte_matrix(const std::int8_t* weights, const std::int8_t* rest, std::int64_t outputs,
                            std::int64_t depth, int zero, const ByteFinish& finish);

/// Computes rows [first_row, last_row) of the product for the panels [first_panel, last_panel).
/// \param left    Row 0 of the left matrix. Up to kByteSlack bytes behind the last row are read, whatever they are.
/// \param result  u8, or f32 if the finish says so: [rows, outputs] without gaps.
void multiply_bytes(const ByteMatrix& matrix, const ByteFinish& finish, const ByteRows& rows, const std::uint8_t* left,
                    std::byte* result, std::int64_t first_row, std::int64_t last_row, std::size_t first_panel,
                    std::size_t last_panel);

}  // namespace fovea::cpu
