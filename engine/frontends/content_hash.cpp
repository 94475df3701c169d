#include "engine/frontends/content_hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "engine/base/mapped_file.hpp"

namespace fovea {

std::string content_hash(const std::vector<std::span<const std::byte>>& contents) {
  constexpr std::size_t kBlock = std::size_t{1} << 20U;
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
  XXH64_hash_t hash = 0;
  for (std::span<const std::byte> rest : contents) {
    XXH3_64bits_reset_withSeed(state.get(), hash);
    while (!rest.empty()) {
      const auto block = rest.first(std::min(rest.size(), kBlock));
      rest = rest.subspan(block.size());
      XXH3_64bits_update(state.get(), block.data(), block.size());
      forget_pages(block);
    }
    hash = XXH3_64bits_digest(state.get());
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace fovea
