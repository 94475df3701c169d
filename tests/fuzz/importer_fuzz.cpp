// libFuzzer target: the reader of one foreign format on arbitrary bytes. FUZZ_FILE is the name the bytes are stored
// under which decides the format. Run by hand, see CMakeLists.txt beside this file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "tests/support/temp_dir.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fovea::test::TempDir dir;
  const auto path = dir.write(FUZZ_FILE, {reinterpret_cast<const char*>(data), size});
  try {
    (void)fovea::read_model(path);
  } catch (const fovea::Error& error) {
    if (error.code() == fovea::ErrorCode::kInternal) {
      std::abort();  // bytes from outside are never a bug of ours
    }
  }
  return 0;
}
