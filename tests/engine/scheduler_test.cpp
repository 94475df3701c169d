// The scheduler's order, fairness and shutdown, and the placement of buffers in an arena.
#include "engine/runtime/scheduler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

#include "engine/runtime/memory_plan.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using namespace std::chrono_literals;

/// A scheduler with one device "X", and a job that keeps its lanes busy until released.
class SchedulerTest : public ::testing::Test {
 protected:
  void open(int lanes, int cores) { scheduler_->open_lanes("X", lanes, cores); }

  void block(int lanes) {
    std::latch entered(lanes);
    for (int i = 0; i < lanes; ++i) {
      scheduler_->submit("X", {.run =
                                   [&] {
                                     entered.count_down();
                                     released_.wait();
                                   },
                               .reject = [] { FAIL(); }});
    }
    entered.wait();
  }

  void release() { released_.count_down(); }

  /// Queues a job that notes its stream and keeps the lane busy for a while.
  void add(StreamId stream, double weight = 1, std::chrono::microseconds work = 0us, int threads = 1) {
    scheduler_->submit("X", {.stream = stream,
                             .weight = weight,
                             .threads = threads,
                             .run =
                                 [this, stream, work] {
                                   const auto begin = std::chrono::steady_clock::now();
                                   auto now = begin;
                                   while (now < begin + work) {
                                     now = std::chrono::steady_clock::now();
                                   }
                                   const std::lock_guard lock(mutex_);
                                   order_.push_back(stream);
                                   durations_.push_back(now - begin);
                                 },
                             .reject =
                                 [this] {
                                   const std::lock_guard lock(mutex_);
                                   ++rejected_;
                                 }});
  }

  void wait_for_finished(std::uint64_t count) {
    while (scheduler_->stats("X").finished < count) {
      std::this_thread::sleep_for(100us);
    }
  }

  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>();
  std::latch released_{1};
  std::mutex mutex_;
  std::vector<StreamId> order_;
  std::vector<std::chrono::duration<double>> durations_;  ///< Of the jobs in order_.
  int rejected_ = 0;
};

TEST_F(SchedulerTest, JobsOfOneStreamStartInOrder) {
  open(1, 1);
  block(1);
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    scheduler_->submit("X", {.stream = 1, .run = [&order, i] { order.push_back(i); }, .reject = [] {}});
  }
  EXPECT_EQ(scheduler_->stats("X").waiting, 50U);
  release();
  wait_for_finished(51);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(order.size(), 50U);
}

TEST_F(SchedulerTest, StreamsShareByWeight) {
  open(1, 1);
  block(1);
  for (int i = 0; i < 60; ++i) {
    add(1, 3, 300us);
    add(2, 1, 300us);
  }
  release();
  wait_for_finished(81);
  scheduler_.reset();
  // While both streams wait, the one that has received less weighted time runs next: whatever interrupts a job, the two
  // never differ by more than the longest job (and the lane's own time around forty of them).
  double heavy = 0;
  double light = 0;
  double longest = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    (order_[i] == 1 ? heavy : light) += durations_[i].count();
    longest = std::max(longest, durations_[i].count());
  }
  EXPECT_NEAR(heavy / 3, light, longest + 40 * 50e-6);
}

TEST_F(SchedulerTest, EarliestDeadlineWinsAmongEquals) {
  open(1, 1);
  block(1);
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [stream, hours] : {std::pair{1, 3}, std::pair{2, 1}, std::pair{3, 2}}) {
    scheduler_->submit("X", {.stream = static_cast<StreamId>(stream),
                             .deadline = now + std::chrono::hours(hours),
                             .run = [this, id = static_cast<StreamId>(stream)] { order_.push_back(id); },
                             .reject = [] {}});
  }
  release();
  wait_for_finished(4);
  EXPECT_EQ(order_, (std::vector<StreamId>{2, 3, 1}));
}

TEST_F(SchedulerTest, WideJobsWaitForTheirCores) {
  open(3, 2);
  std::atomic<int> busy{0};
  std::atomic<int> most{0};
  for (int i = 0; i < 30; ++i) {
    const int threads = 1 + i % 2;
    scheduler_->submit("X", {.stream = static_cast<StreamId>(i % 3),
                             .threads = threads,
                             .run =
                                 [&, threads] {
                                   const int now = busy += threads;
                                   int seen = most;
                                   while (now > seen && !most.compare_exchange_weak(seen, now)) {
                                   }
                                   std::this_thread::sleep_for(200us);
                                   busy -= threads;
                                 },
                             .reject = [] {}});
  }
  wait_for_finished(30);
  EXPECT_LE(most, 2);
}

TEST_F(SchedulerTest, JobWiderThanTheMachineRunsAlone) {
  open(2, 2);
  add(1, 1, 0us, 64);
  wait_for_finished(1);
  EXPECT_EQ(order_.size(), 1U);
}

TEST_F(SchedulerTest, ShutdownRejectsWaitingJobsAndWaitsForRunningOnes) {
  open(2, 2);
  std::atomic<bool> finished{false};
  std::latch entered(1);
  scheduler_->submit("X", {.run =
                               [&] {
                                 entered.count_down();
                                 std::this_thread::sleep_for(10ms);
                                 finished = true;
                               },
                           .reject = [] { FAIL(); }});
  entered.wait();
  block(1);
  for (int i = 0; i < 5; ++i) {
    add(1);
  }
  std::thread opener([&] {
    std::this_thread::sleep_for(20ms);
    release();
  });
  scheduler_.reset();
  opener.join();
  EXPECT_TRUE(finished);
  EXPECT_EQ(rejected_ + static_cast<int>(order_.size()), 5);
}

TEST_F(SchedulerTest, IdleLanesAlwaysNoticeShutdown) {
  for (int i = 0; i < 300; ++i) {  // the window between a lane's check and its sleep is narrow
    Scheduler scheduler;
    scheduler.open_lanes("X", 3, 3);
    std::latch ran(1);
    scheduler.submit("X", {.run = [&] { ran.count_down(); }, .reject = [&] { ran.count_down(); }});
    ran.wait();
  }
}

TEST_F(SchedulerTest, JobSubmittedDuringShutdownIsRejectedAtOnce) {
  open(1, 1);
  std::latch entered(1);
  Scheduler* raw = scheduler_.get();
  std::atomic<int> answers{0};
  std::atomic<bool> stop{false};
  scheduler_->submit("X", {.run =
                               [&, raw] {
                                 entered.count_down();
                                 std::this_thread::sleep_for(20ms);  // the destructor has begun meanwhile
                                 raw->submit("X", {.run = [&] { ++answers; }, .reject = [&] { ++answers; }});
                               },
                           .reject = [] {}});
  entered.wait();
  scheduler_.reset();
  EXPECT_EQ(answers, 1);
}

TEST_F(SchedulerTest, CountsLateJobsAndRefusesUnknownDevices) {
  open(1, 1);
  scheduler_->submit("X", {.deadline = std::chrono::steady_clock::now() - 1s, .run = [] {}, .reject = [] {}});
  scheduler_->submit("X", {.run = [] {}, .reject = [] {}});
  wait_for_finished(2);
  const SchedulerStats stats = scheduler_->stats("X");
  EXPECT_EQ(stats.submitted, 2U);
  EXPECT_EQ(stats.late, 1U);
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(scheduler_->stats("Y").submitted, 0U);
  expect_error(ErrorCode::kInvalidArgument, {"device 'Y' has no lanes"}, [&] { scheduler_->submit("Y", {}); });
  const StreamId first = scheduler_->new_stream();
  EXPECT_NE(first, kNoStream);
  EXPECT_NE(scheduler_->new_stream(), first);
}

void expect_legal(const std::vector<BufferUse>& uses, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), uses.size());
  EXPECT_GE(plan.arena_bytes, plan.lower_bound_bytes);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % 64, 0U);
    EXPECT_LE(plan.offsets[i] + uses[i].bytes, plan.arena_bytes);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = uses[i].first <= uses[j].last && uses[j].first <= uses[i].last;
      const bool apart =
          plan.offsets[i] + uses[i].bytes <= plan.offsets[j] || plan.offsets[j] + uses[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(!together || apart) << "buffers " << j << " and " << i;
    }
  }
}

TEST(MemoryPlan, RandomLifetimesNeverOverlap) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferUse> uses(1 + random() % 40);
    for (BufferUse& use : uses) {
      use.bytes = 1 + random() % 5000;
      use.first = static_cast<int>(random() % 20);
      use.last = use.first + static_cast<int>(random() % 6);
    }
    expect_legal(uses, plan_memory(uses));
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_EQ(plan_memory({}).arena_bytes, 0U);
}

TEST(MemoryPlan, ChainsOfNetworksNeedLittleMoreThanTheyMust) {
  // Each step reads the buffer before; every third result is read again two steps later (a residual); sizes shrink as
  // in a backbone.
  for (const int residual : {0, 3}) {
    std::vector<BufferUse> uses;
    for (int i = 0; i < 60; ++i) {
      const auto bytes = static_cast<std::size_t>(1'000'000 >> (i / 12));
      uses.push_back({bytes, i, i + 1 + (residual != 0 && i % residual == 0 ? 2 : 0)});
    }
    const MemoryPlan plan = plan_memory(uses);
    expect_legal(uses, plan);
    EXPECT_LE(static_cast<double>(plan.arena_bytes), 1.1 * static_cast<double>(plan.lower_bound_bytes)) << residual;
  }
}

}  // namespace
}  // namespace fovea::test
