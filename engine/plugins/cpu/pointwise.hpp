// Convolutions 1x1 with stride 1 as one matrix product, channels last, finished in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/plugins/cpu/finish.hpp"

namespace fovea::cpu {

/// [pixels, channels] · [channels, outputs], divided into blocks of pixels times groups of panels. Depends on the
/// machine's vectors, so packed weights fit this process only.
struct PointwisePlan {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  std::int64_t outputs = 0;
  std::int64_t padded_outputs = 0;  ///< Rounded up to whole vectors.
  std::int64_t pixels_a_block = 0;
  std::int64_t pixel_blocks = 0;
  std::int64_t panels_a_group = 0;  ///< Panels are two vectors of outputs wide, the last one perhaps one.
  std::int64_t panel_groups = 0;
  [[nodiscard]] std::int64_t items() const { return pixel_blocks * panel_groups; }
};

/// \param threads  That share the work.
PointwisePlan plan_pointwise(std::int64_t pixels, std::int64_t channels, std::int64_t outputs, int threads);

/// Brings weights [outputs, channels] into panels.
Tensor pack_pointwise_weights(const PointwisePlan& plan, const float* weights);

/// Computes item `item` of plan.items(). Items are independent; allocates nothing.
/// \param operands  Of each step of `finish`, whose bias has `padded_outputs` values.
void run_pointwise_item(const PointwisePlan& plan, const Finish& finish, const float* const* operands,
                        const float* packed_weights, const float* src, float* dst, std::int64_t item);

}  // namespace fovea::cpu
