// libFuzzer target: the reader of one format on arbitrary bytes in one of a model's files. FUZZ_FILE is that file,
// FUZZ_READ the one that is read, FUZZ_BESIDE a folder with the model's other files, if it has any. See CMakeLists.txt
// beside this file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

/// A folder with the files that stay as they are.
const fovea::test::TempDir& prepared_folder() {
  namespace fs = std::filesystem;
  static const fovea::test::TempDir kDir;
  static const bool kCopied = [] {
    if (fs::exists(FUZZ_BESIDE)) {
      fs::copy(FUZZ_BESIDE, kDir.path(), fs::copy_options::recursive);
    }
    fs::create_directories((kDir / FUZZ_FILE).parent_path());
    return true;
  }();
  static_cast<void>(kCopied);
  return kDir;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fovea::test::TempDir& dir = prepared_folder();
  dir.write(FUZZ_FILE, {reinterpret_cast<const char*>(data), size});
  try {
    (void)fovea::read_model(dir / FUZZ_READ);
  } catch (const fovea::Error& error) {
    if (error.code() == fovea::ErrorCode::kInternal) {
      std::abort();  // bytes from outside are never a bug of ours
    }
  }
  return 0;
}
