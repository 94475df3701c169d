#include "engine/plugins/cpu/work_pool.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "engine/base/cpu_info.hpp"

namespace fovea::cpu {
namespace {

/// Lanes that may have helpers at one time; more than there are run alone.
constexpr int kBoards = 64;
/// Slots are bits of one word.
constexpr int kMostHelpers = 63;
/// So long a helper looks for the next step before it sleeps; waking costs several times less than most steps.
constexpr std::int64_t kLookNs = 100'000;
/// Pauses between two looks at the clock.
constexpr int kPauses = 64;
/// A step that waits so much longer than a chunk takes waits for a helper that is not running.
constexpr std::int64_t kStallNs = 300'000;
/// How many times what was lost the lane then works alone: a stall now and then costs little. Doubled by stalls that
/// follow soon, so that a core that stays busy costs below 1 %.
constexpr std::int64_t kAlonePerLost = 4;
/// So soon after a time alone a helper stalls again whose core is busy: some turns of the operating system's scheduler.
constexpr std::int64_t kSoonNs = 20'000'000;
constexpr std::int64_t kLongestAloneNs = 1'600'000'000;

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Board::state: which step it is, and its next chunk.
constexpr std::uint64_t kChunkBits = 32;
constexpr std::uint64_t kChunkMask = (std::uint64_t{1} << kChunkBits) - 1;
constexpr std::uint64_t closed(std::uint64_t state) { return (((state >> kChunkBits) + 1) << kChunkBits) | kChunkMask; }
constexpr std::uint64_t opened(std::uint64_t state) { return ((state >> kChunkBits) + 1) << kChunkBits; }

}  // namespace

/// Where a lane puts up its steps. Never destroyed before the pool, so that a late helper may still look at it.
struct Team::Board {
  std::atomic<bool> taken{false};
  std::atomic<int> wanted{0};             ///< Helpers; 0: closed.
  std::atomic<std::uint64_t> members{0};  ///< Bit i: a helper that is worker i + 1.

  // The step. Written while `state` is closed; who then claims a chunk by compare-and-swap has read what belongs to it.
  std::atomic<const ChunkWork*> work{nullptr};
  std::atomic<std::uint32_t> count{0};
  std::atomic<std::uint64_t> state{kChunkMask};

  std::atomic<std::uint32_t> done{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  ///< Written by the one that set `failed`, read when all chunks are done.

  struct Claim {
    const ChunkWork* work = nullptr;  ///< nullptr: no chunk is left.
    std::size_t chunk = 0;
  };

  /// The next chunk of the present step, for worker `worker`.
  Claim claim(int worker) {
    std::uint64_t seen = state.load(std::memory_order_acquire);
    while (true) {
      const std::uint64_t chunk = seen & kChunkMask;
      if (chunk >= count.load(std::memory_order_relaxed) || worker > wanted.load(std::memory_order_relaxed)) {
        return {};
      }
      const ChunkWork* todo = work.load(std::memory_order_relaxed);
      if (state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        return {todo, chunk};
      }
    }
  }

  /// \return How many chunks this worker computed.
  std::size_t compute(int worker) {
    std::size_t computed = 0;
    for (Claim next = claim(worker); next.work != nullptr; next = claim(worker)) {
      try {
        if (!failed.load(std::memory_order_relaxed)) {
          (*next.work)(next.chunk, worker);
        }
      } catch (...) {
        if (!failed.exchange(true)) {
          failure = std::current_exception();
        }
      }
      done.fetch_add(1, std::memory_order_acq_rel);
      ++computed;
    }
    return computed;
  }
};

Team::Team(WorkPool& pool, int threads) : pool_(pool), threads_(std::max(threads, 1)) {
  const int helpers = std::min(threads - 1, pool.most_helpers_);
  if (helpers > 0 && now_ns() >= pool.alone_until_.load(std::memory_order_relaxed)) {
    board_ = pool.open_board(helpers);
  }
}

Team::~Team() {
  if (board_ != nullptr) {
    pool_.close_board(*board_);
  }
}

void Team::run(std::size_t count, const ChunkWork& work) {
  if (board_ == nullptr || count < 2) {
    for (std::size_t chunk = 0; chunk < count; ++chunk) {
      work(chunk, 0);
    }
    return;
  }
  Board& board = *board_;
  board.work.store(&work, std::memory_order_relaxed);
  board.count.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  board.done.store(0, std::memory_order_relaxed);
  board.state.store(opened(board.state.load(std::memory_order_relaxed)), std::memory_order_release);
  if (std::popcount(board.members.load(std::memory_order_relaxed)) < board.wanted.load(std::memory_order_relaxed)) {
    pool_.call_helpers();
  }
  const std::int64_t begin = now_ns();
  const std::size_t own = board.compute(0);
  const std::int64_t end = now_ns();
  for (int spins = 0; board.done.load(std::memory_order_acquire) < count; ++spins) {
    if (spins < 1000) {
      pause();
    } else {
      std::this_thread::yield();  // the one we wait for may need this very core
    }
  }
  board.state.store(closed(board.state.load(std::memory_order_relaxed)), std::memory_order_release);
  const bool failed = board.failed.load(std::memory_order_relaxed);
  const std::exception_ptr failure = failed ? std::move(board.failure) : nullptr;
  board.failure = nullptr;
  board.failed.store(false, std::memory_order_relaxed);
  const std::int64_t a_chunk = (end - begin) / static_cast<std::int64_t>(std::max<std::size_t>(own, 1));
  if (const std::int64_t waited = now_ns() - end; waited > kStallNs + 2 * a_chunk) {
    pool_.note_stall(waited);
    pool_.close_board(board);
    board_ = nullptr;
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

WorkPool::WorkPool(int most_helpers) : most_helpers_(std::clamp(most_helpers, 0, kMostHelpers)) {
  for (int i = 0; i < kBoards; ++i) {
    boards_.push_back(std::make_unique<Team::Board>());
  }
  helpers_.resize(static_cast<std::size_t>(most_helpers_));
}

WorkPool::~WorkPool() {
  ending_ = true;
  calls_.fetch_add(1);
  calls_.notify_all();
  helpers_.clear();  // joins
}

WorkPool& WorkPool::of_process() {
  static WorkPool pool(available_cores() - 1);
  return pool;
}

Team::Board* WorkPool::open_board(int helpers) {
  for (const auto& board : boards_) {
    if (!board->taken.exchange(true, std::memory_order_acquire)) {
      board->wanted.store(helpers, std::memory_order_release);
      start_helpers(helpers);
      call_helpers();
      return board.get();
    }
  }
  return nullptr;
}

void WorkPool::close_board(Team::Board& board) {
  board.wanted.store(0, std::memory_order_relaxed);
  board.taken.store(false, std::memory_order_release);
}

void WorkPool::call_helpers() {
  calls_.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) {
    calls_.notify_all();
  }
}

void WorkPool::start_helpers(int count) {
  int started = started_.load(std::memory_order_relaxed);
  while (started < count) {
    if (started_.compare_exchange_weak(started, started + 1)) {
      helpers_[static_cast<std::size_t>(started)] = std::jthread([this] { help(); });
      ++started;
    }
  }
}

void WorkPool::help() {
  pthread_setname_np(pthread_self(), "fovea-help");
  omp_set_num_threads(1);  // oneDNN would start a team of its own in every helper
  while (!ending_.load()) {
    const std::uint32_t call = calls_.load(std::memory_order_seq_cst);
    int slot = 0;
    if (Team::Board* const board = join_a_board(slot); board != nullptr && !serve(*board, slot)) {
      continue;  // closed; another may want help
    }
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    calls_.wait(call, std::memory_order_seq_cst);
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
  }
}

Team::Board* WorkPool::join_a_board(int& slot) {
  for (const auto& board : boards_) {
    const int wanted = board->wanted.load(std::memory_order_acquire);
    std::uint64_t members = board->members.load(std::memory_order_relaxed);
    while ((slot = std::countr_one(members)) < wanted) {
      if (board->members.compare_exchange_weak(members, members | (std::uint64_t{1} << slot))) {
        return board.get();
      }
    }
  }
  return nullptr;
}

bool WorkPool::serve(Team::Board& board, int slot) {
  std::int64_t last = now_ns();
  int pauses = 0;
  bool tired = false;
  while (slot < board.wanted.load(std::memory_order_relaxed)) {
    if (board.compute(slot + 1) > 0) {
      last = now_ns();
    } else if (++pauses % kPauses == 0 && now_ns() - last > kLookNs) {
      tired = true;
      break;
    } else {
      pause();
    }
  }
  board.members.fetch_and(~(std::uint64_t{1} << slot));
  return tired;
}

void WorkPool::note_stall(std::int64_t lost_ns) {
  stalls_.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = now_ns();
  // A stall soon after the last time alone makes the next one longer; after a quiet while it begins short again.
  const std::int64_t before = alone_for_.load(std::memory_order_relaxed);
  const bool soon = now - alone_until_.load(std::memory_order_relaxed) < kSoonNs;
  const std::int64_t next = std::min(std::max(kAlonePerLost * lost_ns, soon ? 2 * before : 0), kLongestAloneNs);
  alone_for_.store(next, std::memory_order_relaxed);
  alone_until_.store(now + next, std::memory_order_relaxed);
}

}  // namespace fovea::cpu
