// Minimum-cost assignment (Hungarian method). Internal to vision/.
#pragma once

#include <cstddef>
#include <vector>

namespace fovea {

/// Cost of pairs that must not be made.
inline constexpr double kForbidden = 1e9;

/// Pairs rows with columns so that as many allowed pairs as possible are made and, among those, the sum of costs is the
/// smallest. O(n²·m), n = smaller side. H. W. Kuhn 1955; the shortest-augmenting-path form of Jonker and Volgenant
/// 1987.
///
/// \param costs  rows·columns, row-major, each in [0, 1000] or kForbidden.
/// \return For each row its column, or -1.
std::vector<int> assign(const std::vector<double>& costs, std::size_t rows, std::size_t columns);

}  // namespace fovea
