// Scheduler: one per Core; gives jobs of all streams and models to the lanes of each device.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace fovea {

/// Who a job belongs to. Jobs of one stream start in submission order; streams share lanes by weight.
using StreamId = std::uint64_t;
inline constexpr StreamId kNoStream = 0;

struct Job {
  StreamId stream = kNoStream;
  double weight = 1;  ///< Share among streams with waiting jobs; > 0.
  int threads = 1;    ///< Cores the job keeps busy while it runs.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::function<void()> run;     ///< \thread A lane. Must not throw.
  /// Called instead of `run` when the scheduler shuts down first. Must neither throw nor submit again.
  std::function<void()> reject;
};

struct SchedulerStats {
  std::uint64_t submitted = 0;
  std::uint64_t finished = 0;
  std::uint64_t rejected = 0;
  std::uint64_t late = 0;  ///< Started after their deadline.
  std::size_t waiting = 0;
};

/// Thread-safe. Each device has a set of lanes (threads named "fovea-cpu-0" …) and one queue; a free lane takes the
/// job whose stream has received the least weighted time, among equals the one with the earliest deadline.
class Scheduler {
 public:
  Scheduler();
  /// Rejects waiting jobs, waits for running ones.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Makes sure the device has at least this many lanes (1…256).
  /// \param cores  Cores all jobs of the device may keep busy together; a job that asks for more runs alone.
  void open_lanes(std::string_view device, int count, int cores);

  /// Queues a job. Callers bound how many they have in flight (requests are a bounded resource).
  /// \throws Error{kInvalidArgument} when the device has no lanes.
  void submit(std::string_view device, Job job);

  /// A stream id no one else has.
  [[nodiscard]] StreamId new_stream();

  [[nodiscard]] SchedulerStats stats(std::string_view device) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
