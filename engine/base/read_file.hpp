// Looking at every byte of a mapped file once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace fovea {

/// What becomes of the pages behind the place that is read.
enum class Pages : std::uint8_t {
  kForget,  ///< Given back: nobody reads them again soon, and resident file pages count as this process's memory.
  kKeep,
};

/// Calls `visit` with the bytes of a mapped file, a block after the other, each brought in by one call of the system.
void read_in_blocks(std::span<const std::byte> mapped, Pages pages,
                    const std::function<void(std::span<const std::byte>)>& visit);

}  // namespace fovea
