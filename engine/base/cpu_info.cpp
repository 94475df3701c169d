#include "engine/base/cpu_info.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

#include "engine/base/text.hpp"

namespace fovea {
namespace {

/// Quota over period from cgroup v2's cpu.max or v1's pair of files; 0 when there is no limit.
double cgroup_cores() {
  std::ifstream unified("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(unified >> quota >> period)) {
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  }
  const auto limit = parse_double(quota);
  return limit && *limit > 0 && period > 0 ? *limit / period : 0;
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof(set), &set) == 0;
  int cores = known ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  if (const double quota = cgroup_cores(); quota > 0) {
    cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  }
  return std::max(cores, 1);
}

std::string cpu_model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(':');
    if (colon != std::string::npos && trim(line.substr(0, colon)) == "model name") {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return "unknown processor";
}

std::string cpu_vector_extension() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0) {
    return "AVX-512";
  }
  if (__builtin_cpu_supports("avx2") != 0) {
    return "AVX2";
  }
  if (__builtin_cpu_supports("sse4.2") != 0) {
    return "SSE4.2";
  }
#endif
  return "baseline";
}

bool cpu_multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

bool cpu_multiplies_bytes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

}  // namespace fovea
