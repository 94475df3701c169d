// Transformation of 3x3 filters for Winograd's method, many outputs at a time. Compiled without fused multiply-add:
// weights are the same bits on every processor.
#include <algorithm>
#include <array>

#include "engine/plugins/cpu/winograd.hpp"

namespace fovea::cpu {
namespace {

constexpr int kTaps = 36;
constexpr int kFilter = 9;
constexpr std::int64_t kMostWide = 64;  // outputs of a panel: two vectors of any width there is

constexpr double kG[6][3] = {{1.0 / 4, 0, 0},
                             {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                             {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                             {1.0 / 24, 1.0 / 12, 1.0 / 6},
                             {1.0 / 24, -1.0 / 12, 1.0 / 6},
                             {0, 0, 1}};

/// One value of each output of a panel.
using Row = std::array<double, kMostWide>;

/// G · g · Gᵀ of the filters of one channel, in double: weights are rounded once.
/// \param taps  Each `tap_stride` after the one before, `wide` values.
void transform(const std::array<Row, kFilter>& filters, std::int64_t wide, float* taps, std::int64_t tap_stride) {
  std::array<Row, 3> rows;
  for (int i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::int64_t k = 0; k < wide; ++k) {
        const auto at = static_cast<std::size_t>(k);
        rows[j][at] = kG[i][0] * filters[j][at] + kG[i][1] * filters[3 + j][at] + kG[i][2] * filters[6 + j][at];
      }
    }
    for (int j = 0; j < 6; ++j) {
      float* const tap = taps + (i * 6 + j) * tap_stride;
      for (std::int64_t k = 0; k < wide; ++k) {
        const auto at = static_cast<std::size_t>(k);
        tap[k] = static_cast<float>(rows[0][at] * kG[j][0] + rows[1][at] * kG[j][1] + rows[2][at] * kG[j][2]);
      }
    }
  }
}

}  // namespace

void pack_winograd_panels(const WinogradPlan& plan, std::int64_t lanes, const float* weights, float* packed) {
  const std::int64_t channels = plan.shape.channels;
  const std::int64_t depth = plan.padded_channels;
  const std::int64_t tap_stride = depth * plan.padded_outputs;
  static_assert(kTaps == 6 * 6);
  // Panels of two vectors of outputs, the last one perhaps of one; inside, channel by channel.
  for (std::int64_t panel = 0; panel < plan.shape.outputs; panel += 2 * lanes) {
    const std::int64_t stride = std::min(2 * lanes, plan.padded_outputs - panel);
    const std::int64_t wide = std::min(stride, plan.shape.outputs - panel);
    for (std::int64_t c = 0; c < channels; ++c) {
      std::array<Row, kFilter> filters;
      for (std::int64_t k = 0; k < wide; ++k) {
        const float* const filter = weights + ((panel + k) * channels + c) * kFilter;
        for (std::size_t tap = 0; tap < kFilter; ++tap) {
          filters[tap][static_cast<std::size_t>(k)] = filter[tap];
        }
      }
      transform(filters, wide, packed + panel * depth + c * stride, tap_stride);
    }
  }
}

}  // namespace fovea::cpu
