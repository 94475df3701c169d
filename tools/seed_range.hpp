// Ranges of street seeds on command lines.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace fovea::tools {

/// "A:B" is A, A+1, … B−1; an empty text is `seed` alone. \return first, and one more than the last.
/// \throws Error{kInvalidArgument} for anything else.
std::pair<std::uint64_t, std::uint64_t> parse_seed_range(const std::string& text, std::uint64_t seed);

}  // namespace fovea::tools
