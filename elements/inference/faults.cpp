#include "elements/inference/faults.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "engine/runtime/properties.hpp"

namespace fovea {
namespace {

struct Faults {
  std::int64_t delay_ms = 0;
  std::int64_t fail_every = 0;
};

Faults read_faults() {
  Faults faults;
  const char* setting = std::getenv("FOVEA_FAULTS");  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  for (const auto& [name, value] : parse_properties(setting == nullptr ? "" : setting)) {
    const std::int64_t number = parse_int(value).value_or(0);
    if (name == "delay-ms") {
      faults.delay_ms = number;
    } else if (name == "fail-every") {
      faults.fail_every = number;
    }
  }
  return faults;
}

}  // namespace

void inject_faults() {
  static const Faults faults = read_faults();
  if (faults.delay_ms > 0) {
    thread_local std::minstd_rand random(std::random_device{}());
    std::this_thread::sleep_for(
        std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, faults.delay_ms)(random)));
  }
  static std::atomic<std::int64_t> count{0};
  if (faults.fail_every > 0 && ++count % faults.fail_every == 0) {
    fail(ErrorCode::kDevice, "injected fault");
  }
}

}  // namespace fovea
