// Memory for what runs compute on the way: one arena for each run under way, shared by all models and requests.
//
// Requests wait most of their life. Were each to keep its own arena, sixteen cameras would hold sixteen, and every run
// would begin with memory that no cache knows.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "engine/base/mutex.hpp"

namespace fovea::cpu {

/// Memory at an address that never changes, however much of it is in use. Zero when first used.
class Arena {
 public:
  explicit Arena(std::size_t index);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  /// Counts the arenas of its pool from 0.
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Makes at least so many bytes usable. \throws Error{kDevice} when the system has no such memory.
  void grow(std::size_t bytes);
  /// Gives what lies beyond back to the system.
  void shrink(std::size_t bytes);

 private:
  std::byte* data_ = nullptr;
  std::size_t index_;
  std::size_t bytes_ = 0;  ///< Usable; whole pages.
};

/// Thread-safe. As many arenas as there ever were runs at the same time.
class ArenaPool {
 public:
  /// An arena for the time of one run.
  class Lease {
   public:
    Lease(ArenaPool& pool, std::size_t bytes) : pool_(pool), arena_(pool.take(bytes)) {}
    ~Lease() { pool_.give_back(arena_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    [[nodiscard]] Arena& arena() const { return arena_; }

   private:
    ArenaPool& pool_;
    Arena& arena_;
  };

  /// A model's claim on arenas of this size; when the largest claim goes, arenas shrink.
  class Claim {
   public:
    Claim(ArenaPool& pool, std::size_t bytes);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    ArenaPool& pool_;
    std::size_t bytes_;
  };

  ArenaPool() = default;
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;

  /// The one of all CPU models of this process.
  static ArenaPool& of_process();

  /// Makes at least so many arenas, without memory yet. \return All there are, by index.
  std::vector<const Arena*> open(std::size_t count);

  /// Usable bytes of all arenas.
  [[nodiscard]] std::size_t bytes();

 private:
  /// The one this thread had last if it is free: its core's cache may still hold it. Allocates only when there is none.
  Arena& take(std::size_t bytes);
  void give_back(Arena& arena);
  void add() FOVEA_REQUIRES(mutex_);
  [[nodiscard]] std::size_t largest_claim() FOVEA_REQUIRES(mutex_) { return claims_.empty() ? 0 : *claims_.rbegin(); }

  struct Entry {
    std::unique_ptr<Arena> arena;
    std::thread::id last_user;
    bool taken = false;
  };

  Mutex mutex_;
  std::vector<Entry> entries_ FOVEA_GUARDED_BY(mutex_);
  std::multiset<std::size_t> claims_ FOVEA_GUARDED_BY(mutex_);
};

}  // namespace fovea::cpu
