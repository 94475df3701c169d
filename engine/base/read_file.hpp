// A file's bytes passing by.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

namespace fovea {

/// Calls `visit` with the file's content, a block after the other: quicker than mapping for who looks at every byte
/// once, and nothing of it stays in this process's memory. \throws Error{kNotFound} if the file cannot be opened,
/// Error{kDevice} if it cannot be read.
void read_in_blocks(const std::filesystem::path& path, const std::function<void(std::span<const std::byte>)>& visit);

}  // namespace fovea
