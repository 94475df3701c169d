// Threads that help a lane with one request: each step is cut into chunks, and whoever is free claims the next.
//
// OpenMP divides work before it starts and waits at every step for its slowest thread: one core busy with something
// else (a video decoder) makes two threads slower than one. Here a slow helper simply gets fewer chunks, and one that
// was taken off its core in the middle of a chunk is left out for a while.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace fovea::cpu {

/// A step's work: refers to a callable (chunk, worker) that outlives the call it is passed to. Chunks of a step run in
/// any order and at the same time; `worker`, 0 (the lane) to threads - 1, says whose scratch memory to use.
class ChunkWork {
 public:
  template <class Callable>
  ChunkWork(const Callable& callable)  // NOLINT(google-explicit-constructor): written in place of a parameter
      : callable_(&callable), call_([](const void* self, std::size_t chunk, int worker) {
          (*static_cast<const Callable*>(self))(chunk, worker);
        }) {}

  void operator()(std::size_t chunk, int worker) const { call_(callable_, chunk, worker); }

 private:
  const void* callable_;
  void (*call_)(const void*, std::size_t, int);
};

class WorkPool;

/// So many that a slow thread's last chunk is short against the step.
inline constexpr std::int64_t kChunksAThread = 4;

/// A lane's hold on helpers for the time of one inference. Used by one thread.
class Team {
 public:
  /// \param threads  The calling thread included; 1 asks for no helper. Helpers join when they are free.
  Team(WorkPool& pool, int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Computes the chunks 0 to count - 1 and returns when all are done. Allocates nothing.
  /// \throws What a chunk threw; the other chunks ran or were left out.
  void run(std::size_t count, const ChunkWork& work);

  /// Calls body(first, last, worker) for ranges that cover [0, items).
  /// \param floats_an_item  Read or written: a range is long enough to be worth the microsecond that sharing costs.
  template <class Body>
  void each(std::int64_t items, std::int64_t floats_an_item, const Body& body) {
    constexpr std::int64_t kLeastFloats = 8192;
    const std::int64_t least = kLeastFloats / std::max<std::int64_t>(floats_an_item, 1) + 1;
    const std::int64_t shares = kChunksAThread * threads_;
    const std::int64_t size = std::max(least, (items + shares - 1) / shares);
    run(static_cast<std::size_t>((items + size - 1) / size), [&](std::size_t chunk, int worker) {
      const std::int64_t first = static_cast<std::int64_t>(chunk) * size;
      body(first, std::min(first + size, items), worker);
    });
  }

 private:
  friend class WorkPool;
  struct Board;

  WorkPool& pool_;
  std::int64_t threads_;
  Board* board_ = nullptr;  ///< nullptr: alone.
};

/// The helpers of a process: at most one less than its cores, started when first wanted, asleep between inferences.
class WorkPool {
 public:
  /// \param most_helpers  Threads it may start.
  explicit WorkPool(int most_helpers);
  /// No team may be left.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  /// The one that all CPU models of this process share. Thread-safe.
  static WorkPool& of_process();

  /// Times a helper held up a step so long that all were left out for a while.
  [[nodiscard]] std::uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }

 private:
  friend class Team;

  Team::Board* open_board(int helpers);
  void close_board(Team::Board& board);
  void call_helpers();
  void start_helpers(int count);
  void help();
  Team::Board* join_a_board(int& slot);
  /// \return true when no step came for a while, false when the board was closed.
  bool serve(Team::Board& board, int slot);
  void note_stall(std::int64_t lost_ns);

  const int most_helpers_;
  std::vector<std::unique_ptr<Team::Board>> boards_;
  std::atomic<std::uint32_t> calls_{0};  ///< Changes when a board wants helpers; what idle helpers wait on.
  std::atomic<int> sleeping_{0};         ///< Helpers that wait on it.
  std::atomic<bool> ending_{false};
  std::atomic<std::int64_t> alone_until_{0};  ///< steady_clock nanoseconds.
  std::atomic<std::int64_t> alone_for_{0};    ///< Length of the last such time, nanoseconds.
  std::atomic<std::uint64_t> stalls_{0};
  std::atomic<int> started_{0};
  std::vector<std::jthread> helpers_;
};

}  // namespace fovea::cpu
