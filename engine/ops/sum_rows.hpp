// Weighted sums of rows of doubles: the inner loop of the reference convolution.
#pragma once

#include <cstdint>
#include <span>

namespace fovea::ops {

/// Elements behind the `count` that sum_rows may read of every row.
inline constexpr std::int64_t kRowSlack = 32;

/// out[f * out_stride + i] = Σ_l weights[f * rows.size() + l] · rows[l][i] for f < filters and i < count.
/// \param rows  Each of count + kRowSlack readable elements; what lies behind `count` does not matter.
void sum_rows(std::span<const double* const> rows, const double* weights, std::int64_t filters, std::int64_t count,
              double* out, std::int64_t out_stride);

}  // namespace fovea::ops
