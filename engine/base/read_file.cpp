#include "engine/base/read_file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <vector>

#include "engine/base/error.hpp"

namespace fovea {

void read_in_blocks(const std::filesystem::path& path, const std::function<void(std::span<const std::byte>)>& visit) {
  constexpr std::size_t kBlock = std::size_t{256} << 10U;  // stays in a core's second-level cache
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (file == nullptr) {
    fail(ErrorCode::kNotFound, "cannot open '{}': {}", path.string(), std::generic_category().message(errno));
  }
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::vector<std::byte> block(kBlock);
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    visit(std::span(block).first(count));
  }
  if (std::ferror(file.get()) != 0) {
    fail(ErrorCode::kDevice, "cannot read '{}': {}", path.string(), std::generic_category().message(errno));
  }
}

}  // namespace fovea
