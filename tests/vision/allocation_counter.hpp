// Counts the allocations of the whole test program, libfovea included.
#pragma once

#include <cstddef>
#include <optional>

namespace fovea::test {

/// Calls of operator new since the program started; nothing in sanitized builds, whose own operator new must stay.
/// Thread-safe.
std::optional<std::size_t> allocation_count();

}  // namespace fovea::test
