// The overlap of boxes, as operators that suppress non-maximal ones need it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea::ops {

/// Two corners: [0],[1] and [2],[3]; which of x and y comes first does not matter for overlaps.
using Corners = std::array<double, 4>;

/// Area of the intersection over area of the union; 0 for boxes without area. Corners must be the smaller ones first.
/// \param offset  Added to every extent: 1 for boxes that count pixels, 0 for coordinates.
double intersection_over_union(const Corners& a, const Corners& b, double offset = 0);

/// The corners in ascending order.
Corners sort_corners(const Corners& box);

/// Greedy suppression.
/// \param order  Candidates, best first; indices into `boxes`.
/// \param most   Stops after so many.
/// \return Those of `order` whose overlap with every kept one is at most `threshold`.
std::vector<std::size_t> suppress(std::span<const Corners> boxes, std::span<const std::size_t> order, double threshold,
                                  std::size_t most, double offset = 0);

}  // namespace fovea::ops
