// What our own products of bytes do to their sums before they store them: bias, scales, limits, rounding onto steps.
#pragma once

#include <optional>
#include <vector>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// Channels that are finished together: four vectors of sums become one of bytes.
inline constexpr std::int64_t kFinishedTogether = 64;

/// stored = clamp(round((sum + start) · factor + shift) + zero, least, most), or without rounding, zero and limits.
///
/// What is to be rounded is small where a step of the output is: f32 is finest there, and fixed-point models round sums
/// that lie as near to the edge between two steps as a sum can.
struct ByteFinish {
  std::vector<std::int32_t> start;   ///< By channel, as the others. Sums of products begin here.
  std::vector<float> factor, shift;  ///< Padded to a multiple of kFinishedTogether.
  std::int16_t zero = 0;
  bool exact = false;   ///< Rounded in double: for models of whole numbers, which round sums at edges.
  bool floats = false;  ///< Results stay f32.
  std::uint8_t least = 0, most = 255;
  std::size_t post_ops_done = 0;
};

/// Finishes sums of products of the node's input, as it is stored, and these weights: onto the steps of the
/// FakeQuantize behind if there is one and the post-ops allow it, else as f32.
/// \param largest_sum  Of products; nullopt is returned where it or a result in steps could be no i32.
std::optional<ByteFinish> make_byte_finish(const NodeContext& context, const WeightSteps& weights, double largest_sum);

/// The second term of the weights, or nullptr.
inline const std::int8_t* rest_of(const WeightSteps& weights) {
  return weights.rest.empty() ? nullptr : weights.rest.data<std::int8_t>().data();
}

}  // namespace fovea::cpu
