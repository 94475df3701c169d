// The CPU plugin's helpers: every chunk once, on whoever is free, failures included.
#include "engine/plugins/cpu/work_pool.hpp"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>

namespace fovea::cpu {
namespace {

using std::chrono::milliseconds;

/// Computes steps of different sizes and checks that each chunk ran once, on a worker that the team may have.
void expect_each_chunk_once(WorkPool& pool, int threads, int steps) {
  Team team(pool, threads);
  std::array<std::atomic<int>, 100> ran{};
  for (int step = 0; step < steps; ++step) {
    const std::size_t count = static_cast<std::size_t>(step * 7 % 100);
    std::atomic<int> strangers{0};
    team.run(count, [&](std::size_t chunk, int worker) {
      ran[chunk].fetch_add(1);
      strangers += worker < 0 || worker >= threads ? 1 : 0;
    });
    ASSERT_EQ(strangers, 0);
    for (std::size_t chunk = 0; chunk < ran.size(); ++chunk) {
      ASSERT_EQ(ran[chunk].exchange(0), chunk < count ? 1 : 0) << "chunk " << chunk << " of step " << step;
    }
  }
}

TEST(CpuWorkPool, ComputesEachChunkOnce) {
  WorkPool pool(3);
  expect_each_chunk_once(pool, 1, 100);
  expect_each_chunk_once(pool, 2, 1000);
  expect_each_chunk_once(pool, 4, 1000);
}

TEST(CpuWorkPool, ServesManyLanes) {
  WorkPool pool(3);
  std::vector<std::jthread> lanes;
  for (int lane = 0; lane < 4; ++lane) {
    lanes.emplace_back([&, lane] {
      for (int inference = 0; inference < 20; ++inference) {
        expect_each_chunk_once(pool, 1 + (lane + inference) % 4, 30);
      }
    });
  }
}

TEST(CpuWorkPool, AHelperTakesPart) {
  WorkPool pool(1);
  Team team(pool, 2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (threads.size() < 2 && std::chrono::steady_clock::now() < end) {
    team.run(4, [&](std::size_t /*chunk*/, int /*worker*/) {
      std::this_thread::sleep_for(milliseconds(1));
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    });
  }
  EXPECT_EQ(threads.size(), 2U);
}

TEST(CpuWorkPool, OneOrNoneHelperIsNoTeam) {
  WorkPool pool(0);
  Team team(pool, 4);
  const auto self = std::this_thread::get_id();
  team.run(10, [&](std::size_t /*chunk*/, int worker) {
    EXPECT_EQ(std::this_thread::get_id(), self);
    EXPECT_EQ(worker, 0);
  });
}

TEST(CpuWorkPool, AFailingChunkFailsTheStepAndTheNextOneRuns) {
  WorkPool pool(2);
  Team team(pool, 3);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THROW(team.run(20,
                          [](std::size_t chunk, int /*worker*/) {
                            if (chunk % 5 == 3) {
                              throw std::runtime_error("no");
                            }
                          }),
                 std::runtime_error);
    std::atomic<int> ran{0};
    team.run(20, [&](std::size_t /*chunk*/, int /*worker*/) { ++ran; });
    EXPECT_EQ(ran, 20);
  }
}

TEST(CpuWorkPool, AHelperThatHangsInAChunkIsLeftOut) {
  constexpr milliseconds kLeftOut(50);
  WorkPool pool(1);
  const auto self = std::this_thread::get_id();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int checked = 0;
  while (checked == 0 && std::chrono::steady_clock::now() < end) {
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t stalls = pool.stalls();
    {
      Team team(pool, 2);
      team.run(8, [&](std::size_t /*chunk*/, int /*worker*/) {
        std::this_thread::sleep_for(milliseconds(std::this_thread::get_id() == self ? 1 : 20));
      });
    }
    Team team(pool, 2);
    if (pool.stalls() == stalls || std::chrono::steady_clock::now() - begin >= kLeftOut) {
      continue;  // the helper came too late, or this thread was kept from going on
    }
    std::atomic<int> elsewhere{0};
    team.run(8,
             [&](std::size_t /*chunk*/, int /*worker*/) { elsewhere += std::this_thread::get_id() == self ? 0 : 1; });
    EXPECT_EQ(elsewhere, 0);
    ++checked;
  }
  EXPECT_EQ(checked, 1);
}

}  // namespace
}  // namespace fovea::cpu
