#include "bench/peers/peer.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

namespace fovea::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kLeastRuns = 3;  // Of a slice and stream, however slow the model is.

Clock::duration not_loading{};  // one thread loads

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

/// "VmHWM" of /proc/self/status in MiB.
double peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::strtod(line.c_str() + 6, nullptr) / 1024;
    }
  }
  return 0;
}

nlohmann::json run_slice(const Peer& peer, int streams, double seconds) {
  std::vector<std::vector<double>> times(static_cast<std::size_t>(streams));
  std::vector<double> rates(static_cast<std::size_t>(streams));
  std::barrier begin(streams);
  const auto work = [&](int stream) {
    std::vector<double>& own = times[static_cast<std::size_t>(stream)];
    begin.arrive_and_wait();
    const auto start = Clock::now();
    while (milliseconds(Clock::now() - start) < seconds * 1000 || own.size() < kLeastRuns) {
      const auto before = Clock::now();
      peer.run(stream);
      own.push_back(milliseconds(Clock::now() - before));
    }
    rates[static_cast<std::size_t>(stream)] =
        static_cast<double>(own.size()) * 1000 / milliseconds(Clock::now() - start);
  };
  {
    std::vector<std::jthread> workers;
    for (int stream = 1; stream < streams; ++stream) {
      workers.emplace_back(work, stream);
    }
    work(0);
  }
  std::vector<double> all;
  double rate = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    all.insert(all.end(), times[i].begin(), times[i].end());
    rate += rates[i];
  }
  std::ranges::sort(all);
  return {{"count", all.size()},
          {"least_ms", all.front()},
          {"median_ms", all[all.size() / 2]},
          {"p95_ms", all[all.size() * 95 / 100]},
          {"fps", rate}};
}

void write_outputs(const Peer& peer, const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  for (const std::vector<float>& values : peer.outputs()) {
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  if (argc < 4 || argc > 5 || std::atoi(argv[2]) < 1 || std::atoi(argv[3]) < 1) {
    std::cerr << "usage: " << argv[0] << " MODEL THREADS STREAMS [EXTRA]\n";
    std::exit(2);
  }
  return {
      .model = argv[1], .threads = std::atoi(argv[2]), .streams = std::atoi(argv[3]), .extra = argc > 4 ? argv[4] : ""};
}

int serve(int streams, const std::function<Peer()>& load) {
  try {
    const auto before = Clock::now();
    const Peer peer = load();
    const double load_ms = milliseconds(Clock::now() - before - not_loading);
    const auto first = Clock::now();
    peer.run(0);
    const double first_ms = milliseconds(Clock::now() - first);
    for (int stream = 1; stream < streams; ++stream) {
      peer.run(stream);
    }
    std::cout << nlohmann::json{{"version", peer.version},
                                {"load_ms", load_ms},
                                {"first_ms", first_ms},
                                {"peak_rss_mb", peak_rss_mb()}}
              << std::endl;
    for (std::string order; std::getline(std::cin, order);) {
      if (order.starts_with("run ")) {
        std::cout << run_slice(peer, streams, std::strtod(order.c_str() + 4, nullptr)) << std::endl;
      } else if (order.starts_with("outputs ")) {
        write_outputs(peer, order.substr(8));
        std::cout << "{}" << std::endl;
      } else {
        std::cerr << "unknown order '" << order << "'\n";
        return 2;
      }
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

NotLoading::~NotLoading() { not_loading += Clock::now() - begin_; }

std::vector<float> noise(std::size_t count) {
  const NotLoading making_input;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  std::ranges::generate(values, [&] { return normal(random); });
  return values;
}

}  // namespace fovea::bench
