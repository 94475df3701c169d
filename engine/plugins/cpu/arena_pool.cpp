#include "engine/plugins/cpu/arena_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "engine/base/error.hpp"

namespace fovea::cpu {
namespace {

// Addresses only: without access rights they count neither as memory nor as a promise of memory.
constexpr std::size_t kReserved = std::size_t{1} << 36;

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

Arena::Arena(std::size_t index) : index_(index) {
  void* const reserved = mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) {
    fail(ErrorCode::kDevice, "no address space for another arena of {} GiB", kReserved >> 30);
  }
  data_ = static_cast<std::byte*>(reserved);
}

Arena::~Arena() { munmap(data_, kReserved); }

void Arena::grow(std::size_t bytes) {
  const std::size_t wanted = whole_pages(bytes);
  if (wanted <= bytes_) {
    return;
  }
  if (wanted > kReserved || mprotect(data_, wanted, PROT_READ | PROT_WRITE) != 0) {
    fail(ErrorCode::kDevice, "a run needs {} bytes of memory, which the system does not give", bytes);
  }
  bytes_ = wanted;
}

void Arena::shrink(std::size_t bytes) {
  const std::size_t left = whole_pages(bytes);
  if (left >= bytes_) {
    return;
  }
  // Failing to give memory back is no reason to fail.
  madvise(data_ + left, bytes_ - left, MADV_DONTNEED);
  mprotect(data_ + left, bytes_ - left, PROT_NONE);
  bytes_ = left;
}

ArenaPool::Claim::Claim(ArenaPool& pool, std::size_t bytes) : pool_(pool), bytes_(bytes) {
  const MutexLock lock(pool_.mutex_);
  pool_.claims_.insert(bytes);
}

ArenaPool::Claim::~Claim() {
  const MutexLock lock(pool_.mutex_);
  pool_.claims_.erase(pool_.claims_.find(bytes_));
  for (Entry& entry : pool_.entries_) {
    if (!entry.taken) {
      entry.arena->shrink(pool_.largest_claim());
    }
  }
}

ArenaPool& ArenaPool::of_process() {
  static ArenaPool pool;
  return pool;
}

std::vector<const Arena*> ArenaPool::open(std::size_t count) {
  const MutexLock lock(mutex_);
  while (entries_.size() < count) {
    add();
  }
  std::vector<const Arena*> arenas;
  for (const Entry& entry : entries_) {
    arenas.push_back(entry.arena.get());
  }
  return arenas;
}

void ArenaPool::add() { entries_.push_back({.arena = std::make_unique<Arena>(entries_.size()), .last_user = {}}); }

std::size_t ArenaPool::bytes() {
  const MutexLock lock(mutex_);
  std::size_t sum = 0;
  for (const Entry& entry : entries_) {
    sum += entry.arena->bytes();
  }
  return sum;
}

Arena& ArenaPool::take(std::size_t bytes) {
  const std::thread::id self = std::this_thread::get_id();
  const MutexLock lock(mutex_);
  Entry* best = nullptr;
  for (Entry& entry : entries_) {
    if (!entry.taken && (best == nullptr || entry.last_user == self)) {
      best = &entry;
    }
  }
  if (best == nullptr) {
    add();
    best = &entries_.back();
  }
  best->arena->grow(bytes);
  best->last_user = self;
  best->taken = true;
  return *best->arena;
}

void ArenaPool::give_back(Arena& arena) {
  const MutexLock lock(mutex_);
  arena.shrink(largest_claim());
  entries_[arena.index()].taken = false;
}

}  // namespace fovea::cpu
