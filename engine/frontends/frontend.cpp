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

std::filesystem::path model_file(const std::filesystem::path& path) {
  const std::filesystem::path inside = path / "saved_model.pb";
  std::error_code unreadable;
  return std::filesystem::is_directory(path, unreadable) && std::filesystem::exists(inside, unreadable) ? inside : path;
}

Model read_model(const std::filesystem::path& given) {
  constexpr std::size_t kHeadBytes = 4096;
  const std::filesystem::path path = model_file(given);
  const std::string where = fmt::format("model '{}'", given.string());
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
    // Names come from the file and may be of any length.
    constexpr std::size_t kMaxMessage = 8192;
    const std::string_view message = error.what();
    throw Error(error.code(), message.size() <= kMaxMessage ? std::string(message)
                                                            : std::string(message.substr(0, kMaxMessage)) + "…")
        .with_context(where);
  }
}

}  // namespace fovea
