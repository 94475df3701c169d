#include "engine/runtime/memory_plan.hpp"

#include <algorithm>
#include <numeric>

namespace fovea {
namespace {

std::size_t lower_bound(std::span<const BufferUse> buffers) {
  int steps = 0;
  for (const BufferUse& use : buffers) {
    steps = std::max(steps, use.last + 1);
  }
  std::vector<std::size_t> alive(static_cast<std::size_t>(steps), 0);
  for (const BufferUse& use : buffers) {
    for (int step = use.first; step <= use.last; ++step) {
      alive[static_cast<std::size_t>(step)] += aligned_size(use.bytes);
    }
  }
  return alive.empty() ? 0 : *std::ranges::max_element(alive);
}

}  // namespace

MemoryPlan plan_memory(std::span<const BufferUse> buffers) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size(), 0);
  plan.lower_bound_bytes = lower_bound(buffers);
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return buffers[i].bytes; });

  std::vector<std::size_t> placed;  // sorted by offset
  for (const std::size_t i : order) {
    const BufferUse& use = buffers[i];
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const BufferUse& taken = buffers[other];
      if (taken.last < use.first || use.last < taken.first) {
        continue;
      }
      if (offset + aligned_size(use.bytes) <= plan.offsets[other]) {
        break;
      }
      offset = std::max(offset, plan.offsets[other] + aligned_size(taken.bytes));
    }
    plan.offsets[i] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + aligned_size(use.bytes));
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](std::size_t p) { return plan.offsets[p]; }), i);
  }
  return plan;
}

}  // namespace fovea
