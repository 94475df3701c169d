// The content hash by which a model is told from others, the same for every format.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// 16 hex digits over the contents in this order.
std::string content_hash(const std::vector<std::span<const std::byte>>& contents);

}  // namespace fovea
