// Places buffers with known lifetimes in one arena.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace fovea {

/// Where buffers begin: a cache line, a register of AVX-512.
inline constexpr std::size_t kMemoryAlignment = 64;

/// What a buffer takes when another follows it.
constexpr std::size_t aligned_size(std::size_t bytes) {
  return (bytes + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
}

/// A buffer that is written in step `first` and read last in step `last` (both inclusive).
struct BufferUse {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< In the order given; multiples of kMemoryAlignment.
  std::size_t arena_bytes = 0;
  std::size_t lower_bound_bytes = 0;  ///< Largest sum of buffers alive in one step: no plan can do better.
};

/// Largest buffers first, each at the lowest offset free during its whole life (greedy by size,
/// https://arxiv.org/abs/2001.03288 section 5.2). O(n²).
MemoryPlan plan_memory(std::span<const BufferUse> buffers);

}  // namespace fovea
