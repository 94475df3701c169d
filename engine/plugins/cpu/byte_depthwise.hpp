// Depthwise convolutions 3x3 and 5x5 of bytes, channels last, on AVX-512 with VNNI.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "engine/plugins/cpu/byte_finish.hpp"

namespace fovea::cpu {

struct DepthwiseShape {
  std::int64_t channels = 0;
  std::int64_t height = 0, width = 0;
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t pad_top = 0, pad_left = 0;
  std::int64_t kernel = 3;  ///< 3 or 5.
  std::int64_t stride = 1;  ///< 1 or 2.
  std::int64_t dilation = 1;
  int zero = 0;  ///< The step that means zero: what padding is.
};

/// Weights and constants as the kernel reads them. Immutable, shared by all requests.
///
/// Channels go in blocks of 64, 32 or 16. Four rows of a column of pixels are interleaved, so that one instruction
/// multiplies a channel's four pixels and adds the products; that leaves the channels of a block in an order of its
/// own, which packing the results puts right again.
struct ByteDepthwise {
  DepthwiseShape shape;
  int terms = 1;  ///< 2: weights are sums of two, a block's second ones behind its first.
  struct Block {
    std::int64_t first = 0;  ///< Channel.
    std::int64_t channels = 0;
    int width = 64;           ///< Channels that fit.
    std::size_t weights = 0;  ///< Where its weights begin in `packed`.
    std::size_t values = 0;   ///< Where it begins in `beginning`, `factor`, `shift`.
  };
  std::vector<Block> blocks;
  Tensor packed;                        ///< i8.
  std::vector<std::int32_t> beginning;  ///< What sums start from: the input's zero taken off.
  std::vector<float> factor, shift;
  std::int16_t zero = 0;
  bool exact = false;
  std::uint8_t least = 0, most = 255;
  std::vector<std::uint8_t> padding;  ///< A row of pixels that mean zero.
};

/// \param weights  i8 [channels, kernel, kernel].
/// \param rest     The same, to be added to the weights; nullptr: nothing.
/// \param finish   Onto steps.
ByteDepthwise pack_byte_depthwise(const DepthwiseShape& shape, const std::int8_t* weights, const std::int8_t* rest,
                                  const ByteFinish& finish);

/// Computes one row of one picture. \param picture  Of the input, [height, width, channels].
/// \param row  Of the output, [out_width, channels].
void run_byte_depthwise(const ByteDepthwise& plan, const std::uint8_t* picture, std::int64_t y, std::uint8_t* row);

}  // namespace fovea::cpu
