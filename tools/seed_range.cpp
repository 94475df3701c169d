// Parsing of "A:B".
#include "tools/seed_range.hpp"

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::tools {

std::pair<std::uint64_t, std::uint64_t> parse_seed_range(const std::string& text, std::uint64_t seed) {
  if (text.empty()) {
    return {seed, seed + 1};
  }
  const auto parts = split(text, ':');
  const auto first = parts.size() == 2 ? parse_int(parts[0]) : std::nullopt;
  const auto last = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
  if (!first || !last || *first < 0 || *last <= *first) {
    fail(ErrorCode::kInvalidArgument, "--seeds is '{}', expected A:B with 0 <= A < B", text);
  }
  return {static_cast<std::uint64_t>(*first), static_cast<std::uint64_t>(*last)};
}

}  // namespace fovea::tools
