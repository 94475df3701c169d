#include "engine/base/read_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "engine/base/mapped_file.hpp"

namespace fovea {

void read_in_blocks(std::span<const std::byte> mapped, Pages pages,
                    const std::function<void(std::span<const std::byte>)>& visit) {
  constexpr std::size_t kBlock = std::size_t{1} << 20U;  // a multiple of every page size
  while (!mapped.empty()) {
    const auto block = mapped.first(std::min(mapped.size(), kBlock));
    mapped = mapped.subspan(block.size());
#ifdef MADV_POPULATE_READ
    // A hint, since older kernels refuse: then each page is brought in when it is read.
    ::madvise(const_cast<std::byte*>(block.data()), block.size(), MADV_POPULATE_READ);
#endif
    visit(block);
    if (pages == Pages::kForget) {
      forget_pages(block);
    }
  }
}

}  // namespace fovea
