#include "engine/frontends/frontend.hpp"

#include <algorithm>
#include <array>

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/common/unsupported.hpp"

namespace fovea {
namespace frontends {
#define FOVEA_FRONTEND(name) extern const Frontend name;  // NOLINT(bugprone-macro-parentheses): a declared name
#include "engine/frontends/frontends.inc"
#undef FOVEA_FRONTEND
}  // namespace frontends

std::span<const Frontend* const> all_frontends() {
#define FOVEA_FRONTEND(name) &frontends::name,
  static constexpr std::array kAll = {
#include "engine/frontends/frontends.inc"
  };
#undef FOVEA_FRONTEND
  return kAll;
}

Model read_model(const std::filesystem::path& path) {
  constexpr std::size_t kHeadBytes = 4096;
  const std::string where = fmt::format("model '{}'", path.string());
  try {
    const auto file = MappedFile::open(path);
    const auto head = file->bytes().first(std::min(file->bytes().size(), kHeadBytes));
    if (head.empty()) {
      fail(ErrorCode::kInvalidModel, "the file is empty");
    }
    for (const Frontend* frontend : all_frontends()) {
      if (frontend->recognises(path, head)) {
        return frontend->read(path);
      }
    }
    std::string known;
    for (const Frontend* frontend : all_frontends()) {
      known += (known.empty() ? "" : ", ") + std::string(frontend->name);
    }
    fail(ErrorCode::kUnsupported, "not a model format known here; known: {}", known);
  } catch (const importer::UnsupportedOperators& error) {
    throw error.with_context(where);
  } catch (const Error& error) {
    throw error.with_context(where);
  }
}

}  // namespace fovea
