// The two measuring loops, compiled once for each instruction set (Highway).
#include "tools/bench/machine_peaks.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/machine_peaks.cpp"
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::tools::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<float> kF32;
using V = hn::Vec<decltype(kF32)>;

/// 12 chains of dependent multiply-adds: more than latency times units of any processor that counts. Each begins with
/// another value, or compilers would compute equal chains once.
/// \return Operations done.
double multiply_add(std::int64_t rounds, float* sink) {
  const V factor = hn::Set(kF32, 0.999F);
  const V term = hn::Set(kF32, 0.001F);
  const auto start = [&](float value) { return hn::Set(kF32, value + *sink); };
  V a = start(0.1F), b = start(0.2F), c = start(0.3F), d = start(0.4F), e = start(0.5F), f = start(0.6F);
  V g = start(0.7F), h = start(0.8F), i = start(0.9F), j = start(1.0F), k = start(1.1F), l = start(1.2F);
  for (std::int64_t round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, factor, term);
    b = hn::MulAdd(b, factor, term);
    c = hn::MulAdd(c, factor, term);
    d = hn::MulAdd(d, factor, term);
    e = hn::MulAdd(e, factor, term);
    f = hn::MulAdd(f, factor, term);
    g = hn::MulAdd(g, factor, term);
    h = hn::MulAdd(h, factor, term);
    i = hn::MulAdd(i, factor, term);
    j = hn::MulAdd(j, factor, term);
    k = hn::MulAdd(k, factor, term);
    l = hn::MulAdd(l, factor, term);
  }
  const V sum = hn::Add(hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, d)), hn::Add(hn::Add(e, f), hn::Add(g, h))),
                        hn::Add(hn::Add(i, j), hn::Add(k, l)));
  *sink += hn::GetLane(sum);
  return 12 * 2 * static_cast<double>(hn::Lanes(kF32)) * static_cast<double>(rounds);
}

/// \return Bytes read.
double read(const float* data, std::size_t count, float* sink) {
  const std::size_t lanes = hn::Lanes(kF32);
  V a = hn::Zero(kF32), b = a, c = a, d = a;
  for (std::size_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(kF32, data + i));
    b = hn::Add(b, hn::LoadU(kF32, data + i + lanes));
    c = hn::Add(c, hn::LoadU(kF32, data + i + 2 * lanes));
    d = hn::Add(d, hn::LoadU(kF32, data + i + 3 * lanes));
  }
  *sink += hn::GetLane(hn::Add(hn::Add(a, b), hn::Add(c, d)));
  return static_cast<double>(count * sizeof(float));
}

}  // namespace fovea::tools::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::tools {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(read);

/// Runs `work` (which returns how much it did) on all threads, a few times; the best rate of all together, in 1e9/s.
double best_rate(int threads, const std::function<double(int)>& work) {
  double best = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] { done[static_cast<std::size_t>(t)] = work(t); });
    }
    workers.clear();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double sum = 0;
    for (const double one : done) {
      sum += one;
    }
    best = std::max(best, sum / seconds / 1e9);
  }
  return best;
}

}  // namespace

MachinePeaks measure_peaks(int threads) {
  threads = std::max(threads, 1);
  std::vector<float> sinks(static_cast<std::size_t>(threads) * 64);
  const auto sink = [&](int t) { return &sinks[static_cast<std::size_t>(t) * 64]; };
  constexpr std::int64_t kRounds = 4'000'000;
  constexpr std::size_t kFloats = 32 << 20;  // 128 MiB altogether, beyond the caches
  const std::size_t share = kFloats / static_cast<std::size_t>(threads);
  const std::vector<float> memory(kFloats, 1.0F);
  return {.gflops = best_rate(threads, [&](int t) { return HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, sink(t)); }),
          .gigabytes_s = best_rate(threads, [&](int t) {
            return HWY_DYNAMIC_DISPATCH(read)(memory.data() + static_cast<std::size_t>(t) * share, share, sink(t));
          })};
}

}  // namespace fovea::tools
#endif
