// The content hash by which a model is told from others, the same for every format.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// 16 hex digits over the contents in this order.
/// \param contents  Of mapped files, whose pages are given back on the way.
std::string content_hash(const std::vector<std::span<const std::byte>>& contents);

}  // namespace fovea
