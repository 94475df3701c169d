// Weights of our own f32 1x1 and depthwise convolutions and matrix products, in the order panel_rows.hpp reads them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// How the node's weights lie in the model.
enum class WeightOrder : std::uint8_t {
  kOutputsFirst,  ///< [outputs, depth]; depthwise filters: [channels, taps].
  kDepthFirst,    ///< [depth, outputs]
};

/// The node's constant input 1 as panels one after another, each [depth, panel_channels()], missing outputs zero.
/// Aligned to 64 bytes, valid as long as the compiled model.
std::span<const float> packed_panels(const NodeContext& context, std::int64_t outputs, std::int64_t depth,
                                     WeightOrder order = WeightOrder::kOutputsFirst);

}  // namespace fovea::cpu
