#include "engine/base/build_id.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace fovea {
namespace {

constexpr std::size_t rounded_up(std::size_t size) { return (size + 3) / 4 * 4; }

/// The linker's note in a segment of notes, in hex; "" when it is not there.
std::string id_in(std::span<const std::byte> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof(head));
    const std::size_t name = sizeof(head);
    const std::size_t content = name + rounded_up(head.n_namesz);
    const std::size_t end = content + rounded_up(head.n_descsz);
    if (end > notes.size()) {
      break;
    }
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(notes.data() + name, "GNU", 4) == 0) {
      std::string text;
      for (const std::byte byte : notes.subspan(content, head.n_descsz)) {
        text += fmt::format("{:02x}", std::to_integer<int>(byte));
      }
      return text;
    }
    notes = notes.subspan(end);
  }
  return {};
}

/// Called for each loaded object: finds the one that this function is a part of.
int find_own(dl_phdr_info* info, std::size_t /*size*/, void* result) {
  const auto own = reinterpret_cast<ElfW(Addr)>(&find_own);
  const std::span<const ElfW(Phdr)> segments(info->dlpi_phdr, info->dlpi_phnum);
  const bool here = std::ranges::any_of(segments, [&](const ElfW(Phdr) & segment) {
    const ElfW(Addr) begin = info->dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && own >= begin && own < begin + segment.p_memsz;
  });
  for (const ElfW(Phdr) & segment : segments) {
    if (here && segment.p_type == PT_NOTE) {
      const auto* const begin = reinterpret_cast<const std::byte*>(info->dlpi_addr + segment.p_vaddr);
      *static_cast<std::string*>(result) += id_in({begin, segment.p_memsz});
    }
  }
  return here ? 1 : 0;
}

}  // namespace

const std::string& build_id() {
  static const std::string id = [] {
    std::string code;
    dl_iterate_phdr(find_own, &code);
    return fmt::format("{} {}", FOVEA_VERSION, code);
  }();
  return id;
}

}  // namespace fovea
