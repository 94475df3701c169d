#include "engine/plugins/cpu/panel_weights.hpp"

#include <algorithm>

#include "engine/plugins/cpu/panel_rows.hpp"

namespace fovea::cpu {

std::span<const float> packed_panels(const NodeContext& context, std::int64_t outputs, std::int64_t depth,
                                     WeightOrder order) {
  const std::int64_t panel = panel_channels();
  const std::int64_t panels = (outputs + panel - 1) / panel;
  const bool depth_first = order == WeightOrder::kDepthFirst;
  const auto fill = [=](const Tensor& tensor, std::span<std::byte> packed) {
    const float* const weights = tensor.data<float>().data();
    auto* const data = reinterpret_cast<float*>(packed.data());
    for (std::int64_t first = 0; first < outputs; first += panel) {
      const std::int64_t wide = std::min(panel, outputs - first);
      float* const rows = data + first * depth;
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t n = 0; n < wide; ++n) {
          rows[k * panel + n] = depth_first ? weights[k * outputs + first + n] : weights[(first + n) * depth + k];
        }
      }
    }
  };
  const auto floats = static_cast<std::size_t>(panels * depth * panel);
  const std::span<const std::byte> packed =
      context.packed(fmt::format("panels of {}, {} by {}{}", panel, outputs, depth, depth_first ? ", turned" : ""),
                     *context.constant(1), floats * sizeof(float), fill);
  return {reinterpret_cast<const float*>(packed.data()), floats};
}

}  // namespace fovea::cpu
