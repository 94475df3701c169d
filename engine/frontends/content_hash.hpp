// The content hash by which a model is told from others, the same for every format.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// 16 hex digits over the contents in this order.
std::string content_hash(const std::vector<std::span<const std::byte>>& contents);

/// The same of files. An empty path stands for an empty file.
/// \throws Error{kNotFound} for a file that cannot be opened.
std::string content_hash_of(const std::vector<std::filesystem::path>& files);

}  // namespace fovea
