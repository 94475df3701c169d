// libFuzzer target: the ONNX importer on arbitrary bytes beside a small file for external data. Run by hand, see
// CMakeLists.txt beside this file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "tests/support/temp_dir.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fovea::test::TempDir dir;
  static const auto weights = dir.write("w.bin", std::string_view("0123456789abcdef0123456789abcdef0123456789abcdef"));
  const auto path = dir.write("m.onnx", {reinterpret_cast<const char*>(data), size});
  try {
    (void)fovea::read_model(path);
  } catch (const fovea::Error& error) {
    if (error.code() == fovea::ErrorCode::kInternal) {
      std::abort();  // bytes from outside are never a bug of ours
    }
  }
  return 0;
}
