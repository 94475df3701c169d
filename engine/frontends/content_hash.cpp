#include "engine/frontends/content_hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace fovea {

std::string content_hash(const std::vector<std::span<const std::byte>>& contents) {
  XXH64_hash_t hash = 0;
  for (const auto& content : contents) {
    hash = XXH3_64bits_withSeed(content.data(), content.size(), hash);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace fovea
