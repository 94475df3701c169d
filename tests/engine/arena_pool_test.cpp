// Arenas: one for each run under way, given back when models go.
#include "engine/plugins/cpu/arena_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::cpu {
namespace {

TEST(ArenaPool, RunsOfOneThreadShareAnArenaAndConcurrentOnesDoNot) {
  ArenaPool pool;
  const ArenaPool::Claim claim(pool, 10000);
  const Arena* first = nullptr;
  {
    const ArenaPool::Lease lease(pool, 100);
    first = &lease.arena();
    const ArenaPool::Lease other(pool, 100);
    EXPECT_NE(&other.arena(), first);
  }
  const ArenaPool::Lease again(pool, 10000);
  const ArenaPool::Lease other(pool, 10000);
  EXPECT_LT(again.arena().index(), 2U);
  EXPECT_LT(other.arena().index(), 2U);
}

TEST(ArenaPool, AThreadGetsItsOwnArenaBack) {
  ArenaPool pool;
  const ArenaPool::Claim claim(pool, 100);
  const Arena* of_other = nullptr;
  {
    const ArenaPool::Lease mine(pool, 100);
    std::jthread([&] {
      const ArenaPool::Lease lease(pool, 100);
      of_other = &lease.arena();
    }).join();
    EXPECT_NE(of_other, &mine.arena());
  }
  const ArenaPool::Lease mine(pool, 100);
  EXPECT_NE(&mine.arena(), of_other);
}

TEST(ArenaPool, AddressesStayWhenAnArenaGrows) {
  ArenaPool pool;
  const ArenaPool::Claim claim(pool, std::size_t{64} << 20);
  std::byte* address = nullptr;
  {
    const ArenaPool::Lease lease(pool, 100);
    address = lease.arena().data();
    address[99] = std::byte{1};
  }
  const ArenaPool::Lease lease(pool, std::size_t{64} << 20);
  EXPECT_EQ(lease.arena().data(), address);
  EXPECT_EQ(address[99], std::byte{1});
  std::fill_n(address, std::size_t{64} << 20, std::byte{2});
}

TEST(ArenaPool, MemoryOfTheLargestModelGoesWithIt) {
  ArenaPool pool;
  const ArenaPool::Claim small(pool, 100);
  {
    const ArenaPool::Claim large(pool, std::size_t{8} << 20);
    { const ArenaPool::Lease lease(pool, std::size_t{8} << 20); }
    EXPECT_GE(pool.bytes(), std::size_t{8} << 20);
  }
  EXPECT_LE(pool.bytes(), std::size_t{1} << 16);  // a page, whatever its size
  const ArenaPool::Lease lease(pool, 100);
  lease.arena().data()[99] = std::byte{1};
}

TEST(ArenaPool, ImpossibleSizesAreRefused) {
  ArenaPool pool;
  EXPECT_THROW(ArenaPool::Lease(pool, std::size_t{1} << 60), Error);
}

/// Outputs of a request stay while other requests and models run in the same arena, and inputs stay between runs.
TEST(ArenaPool, InputsAndOutputsBelongToTheRequest) {
  Core core;
  Model model;
  model.graph = parse_graph("t = Convolution(x: f32[1,3,16,16], w: f32[8,3,3,3]{0}) | relu\ny = Sigmoid(t)\n-> y, t");
  test::randomise_constants(model.graph, 1);
  const CompiledModel compiled = core.compile_model(model, "CPU", {{"PERFORMANCE_HINT", "LATENCY"}});
  std::vector<InferRequest> requests;
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < 4; ++i) {
    requests.push_back(compiled.create_infer_request());
    std::ranges::fill(requests.back().input().data<float>(), 0.1F * static_cast<float>(i + 1));
    requests.back().infer();
    const auto output = requests.back().output().data<float>();
    expected.emplace_back(output.begin(), output.end());
  }
  EXPECT_NE(expected[0], expected[1]);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(requests[i].output().data<float>(), expected[i])) << i;
    }
    for (InferRequest& request : requests) {
      request.start_async();
    }
    for (InferRequest& request : requests) {
      request.wait();
    }
  }
}

}  // namespace
}  // namespace fovea::cpu
