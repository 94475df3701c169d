// Winograd F(4x4,3x3): 3x3 convolutions with stride 1 in a quarter of the multiplications, channels last.
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/plugins/cpu/finish.hpp"

namespace fovea::cpu {

/// A convolution of one picture [height, width, channels] to [out_height, out_width, outputs], 3x3, stride 1.
struct WinogradShape {
  std::int64_t channels = 0;
  std::int64_t outputs = 0;
  std::int64_t height = 0, width = 0;
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t pad_top = 0, pad_left = 0;  ///< Zeros around the picture; below and right as many as are read.
};

/// How the work is divided: output tiles of 4x4 pixels in reading order, some at a time, and where weights are many and
/// tiles few by output channels too, since every block reads all weights of its channels. Depends on the machine's
/// vectors, so packed weights fit this process only.
struct WinogradPlan {
  WinogradShape shape;
  std::int64_t tiles_across = 0;
  std::int64_t tiles = 0;
  std::int64_t tiles_a_block = 0;
  std::int64_t tile_blocks = 0;
  std::int64_t parts = 1;            ///< Of the output channels.
  std::int64_t outputs_a_part = 0;   ///< Whole panels.
  std::int64_t blocks = 0;           ///< tile_blocks · parts.
  std::int64_t padded_channels = 0;  ///< Rounded up to whole vectors.
  std::int64_t padded_outputs = 0;
  std::size_t scratch_floats = 0;  ///< Of each thread, aligned to 64 bytes.
};

/// \param threads  That share the work: blocks are small enough for all of them.
WinogradPlan plan_winograd(const WinogradShape& shape, int threads);

/// How many times faster than a direct convolution this is expected to be, from the arithmetic and the memory traffic
/// of both: a rule, not a timing, so that a model computes the same bits each time it is compiled.
double expected_gain(const WinogradPlan& plan, int threads);

/// Size of the transformed weights.
std::size_t packed_winograd_floats(const WinogradPlan& plan);

/// Transforms weights [outputs, channels, 3, 3].
/// \param packed  packed_winograd_floats, zeros before.
void pack_winograd_weights(const WinogradPlan& plan, const float* weights, float* packed);

/// The same for vectors of `lanes` floats, at most 32.
void pack_winograd_panels(const WinogradPlan& plan, std::int64_t lanes, const float* weights, float* packed);

/// Names the order of packed weights.
std::string winograd_form(const WinogradPlan& plan);

/// What one run reads and writes.
struct WinogradMemory {
  const float* src = nullptr;               ///< The first picture.
  std::int64_t src_stride = 0;              ///< Floats from pixel to pixel.
  const float* weights = nullptr;           ///< Packed.
  const FinishOperand* operands = nullptr;  ///< Of each step of the finish, whose bias has `padded_outputs` values.
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
};

/// Computes the output tiles and channels of block `block` of picture `picture`. Blocks are independent; allocates
/// nothing. \param scratch   plan.scratch_floats, of this thread.
void run_winograd_block(const WinogradPlan& plan, const Finish& finish, const WinogradMemory& memory,
                        std::int64_t picture, std::int64_t block, float* scratch);

}  // namespace fovea::cpu
