#include "engine/frontends/content_hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <memory>

#include "engine/base/mapped_file.hpp"
#include "engine/base/read_file.hpp"

namespace fovea {

std::string content_hash(const std::vector<std::span<const std::byte>>& contents) {
  XXH64_hash_t hash = 0;
  for (const auto& content : contents) {
    hash = XXH3_64bits_withSeed(content.data(), content.size(), hash);
  }
  return fmt::format("{:016x}", hash);
}

std::string content_hash_of(const std::vector<std::filesystem::path>& files) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
  XXH64_hash_t hash = 0;
  for (const std::filesystem::path& file : files) {
    XXH3_64bits_reset_withSeed(state.get(), hash);
    if (!file.empty()) {
      const auto mapped = MappedFile::open(file);
      read_in_blocks(mapped->bytes(), Pages::kForget, [&](std::span<const std::byte> block) {
        XXH3_64bits_update(state.get(), block.data(), block.size());
      });
    }
    hash = XXH3_64bits_digest(state.get());
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace fovea
