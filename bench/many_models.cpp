// Several models used by sixteen streams at the same time: does the mix keep what each model reaches alone?
//   many_models MODEL…
// In every round each model runs alone (as many requests as cores), then all of them together, streams dealt out in
// turn. Says how much of the time the mix took the same runs would have taken alone, and how many threads there were.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/cpu_info.hpp"
#include "engine/runtime/core.hpp"

namespace fovea::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kStreams = 16;
constexpr int kRounds = 21;
constexpr std::chrono::milliseconds kAlone{120};  // of each model in a round
constexpr std::chrono::milliseconds kTogether{1000};

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Threads of this process.
int threads() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) {
      return std::stoi(line.substr(8));
    }
  }
  return 0;
}

/// A request that starts itself again until told to stop.
class Stream {
 public:
  Stream(const CompiledModel& model, StreamId id) : request_(model.create_infer_request()) {
    request_.set_stream(id);
    request_.set_callback([this](std::exception_ptr error) {
      ++runs_;
      if (error) {
        failed_ = true;
      } else if (Clock::now() < end_) {
        request_.start_async();
        return;
      }
      running_ = false;
      running_.notify_one();
    });
  }
  ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void start(Clock::time_point end) {
    end_ = end;
    runs_ = 0;
    running_ = true;
    request_.start_async();
  }
  /// Runs since start().
  int finish() {
    running_.wait(true);
    request_.wait();
    if (failed_) {
      fail(ErrorCode::kInternal, "a run failed");
    }
    return runs_;
  }

 private:
  InferRequest request_;
  Clock::time_point end_;
  int runs_ = 0;
  std::atomic<bool> running_ = false;
  std::atomic<bool> failed_ = false;
};

/// Runs of each stream in about `duration`, and the time they really took.
std::pair<std::vector<int>, double> run(const std::vector<Stream*>& streams, Clock::duration duration) {
  const Clock::time_point begin = Clock::now();
  for (Stream* stream : streams) {
    stream->start(begin + duration);
  }
  std::vector<int> counts;
  for (Stream* stream : streams) {
    counts.push_back(stream->finish());
  }
  return {counts, seconds(Clock::now() - begin)};
}

void measure(const std::vector<std::string>& files) {
  Core core;
  std::vector<CompiledModel> models;
  for (const std::string& file : files) {
    models.push_back(core.compile_model(core.read_model(file), "CPU", {{"PERFORMANCE_HINT", "THROUGHPUT"}}));
  }
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Stream*> all;
  for (std::size_t i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<Stream>(models[i % models.size()], core.scheduler().new_stream()));
    all.push_back(streams.back().get());
  }
  // Two requests of each model alone keep two cores busy.
  std::vector<std::vector<std::unique_ptr<Stream>>> alone(models.size());
  for (std::size_t m = 0; m < models.size(); ++m) {
    for (int i = 0; i < available_cores(); ++i) {
      alone[m].push_back(std::make_unique<Stream>(models[m], core.scheduler().new_stream()));
    }
  }
  std::vector<std::vector<double>> rates(models.size());
  std::vector<double> shares;
  std::vector<double> totals;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> rate(models.size());
    for (std::size_t m = 0; m < models.size(); ++m) {
      std::vector<Stream*> pair;
      for (const auto& stream : alone[m]) {
        pair.push_back(stream.get());
      }
      const auto [counts, took] = run(pair, kAlone);
      int sum = 0;
      for (const int count : counts) {
        sum += count;
      }
      rate[m] = sum / took;
      rates[m].push_back(rate[m]);
    }
    const auto [counts, took] = run(all, kTogether);
    double alone_seconds = 0;
    int sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      alone_seconds += counts[i] / rate[i % models.size()];
      sum += counts[i];
    }
    shares.push_back(alone_seconds / took);
    totals.push_back(sum / took);
  }
  for (std::size_t m = 0; m < models.size(); ++m) {
    fmt::print("{:<24} alone {:8.1f} fps\n", std::filesystem::path(files[m]).stem().string(), median(rates[m]));
  }
  fmt::print("{} streams together {:.1f} fps: {:.3f} of what the models reach alone; {} threads on {} cores\n",
             kStreams, median(totals), median(shares), threads(), available_cores());
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  try {
    if (argc < 2) {
      fmt::print(stderr, "usage: many_models MODEL…\n");
      return 2;
    }
    fovea::bench::measure({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
