// What a run of a compiled model allocates on the CPU, counted by a replaced operator new: nothing in our own steps,
// the same in every run of oneDNN's. A program of its own, since the replacement covers everything in it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <new>

#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/plugin.hpp"
#include "engine/runtime/properties.hpp"
#include "tests/engine/error_bound.hpp"

namespace {
std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  // aligned_alloc wants a multiple of the alignment.
  if (void* memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment)) {
    return memory;
  }
  throw std::bad_alloc();
}
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
#endif

namespace fovea::test {
namespace {

class Allocation : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers keep their own operator new";
#endif
    for (auto& plugin : make_plugins()) {
      if (plugin->name() == "CPU") {
        plugin_ = std::move(plugin);
      }
    }
    ASSERT_NE(plugin_, nullptr);
  }

  /// Allocations of each of five runs, after two that warm up (oneDNN and OpenMP make their threads' state).
  std::vector<std::size_t> per_run(const std::string& text) {
    Graph graph = parse_graph(text);
    randomise_constants(graph, 1);
    const auto executable = plugin_->compile(graph, complete_properties({}));
    const auto execution = executable->create_execution();
    const CancelFlag cancel{false};
    execution->run(cancel, nullptr);
    execution->run(cancel, nullptr);
    std::vector<std::size_t> counts(5);
    for (std::size_t& count : counts) {
      const std::size_t before = allocations;
      execution->run(cancel, nullptr);
      count = allocations - before;
    }
    return counts;
  }

  std::unique_ptr<Plugin> plugin_;
};

TEST_F(Allocation, CounterCounts) {
  const std::size_t before = allocations;
  const Tensor tensor(DataType::kF32, {4});
  EXPECT_GT(allocations, before);
}

TEST_F(Allocation, OwnStepsAllocateNothing) {
  for (const std::string text :
       {"y = Add(a: f32[1,8,20,20], b: f32[1,8,20,20]) | relu | multiply(c: f32[1,8,1,1]{0}) | sigmoid",
        "y = Multiply(a: f32[2,3,4,5], b: f32[3,1,1])", "y = Concat(a: f32[1,3,8,8], b: f32[1,5,8,8]) axis=1",
        "y = Reshape(x: f32[2,3,4], s: i64[1]{24}) special_zero=false",
        "y = Transpose(x: f32[2,3,4,5], o: i64[4]{3,2,1,0})",
        "y = ReduceMean(x: f32[1,8,5,7], a: i64[2]{2,3}) keep_dims=true",
        "y = MVN(x: f32[1,8,5,7], a: i64[2]{2,3}) normalize_variance=true eps=0.01 eps_mode=inside_sqrt",
        "y = Interpolate(x: f32[1,8,4,5], s: i64[2]{8,9}, a: i64[2]{2,3}) mode=linear shape_calculation_mode=sizes",
        "y = FakeQuantize(x: f32[1,8,4,5], a: f32[]{-1}, b: f32[]{1}, c: f32[]{-1}, d: f32[]{1}) levels=256",
        "y = Convolution(x: f32[1,64,40,40], w: f32[64,64,3,3]{0}) pads_begin=1,1 pads_end=1,1 | swish(1) | "
        "add(r: f32[1,64,40,40])",
        "a, b = Split(x: f32[2,8,6,5], i: i64[]{1}) num_splits=2\n-> a, b",
        "y = MaxPool(x: f32[1,8,8,8]) kernel=2,2 strides=2,2",
        "y = ConvolutionBackpropData(x: f32[1,3,4,5], w: f32[3,4,2,2]{0}) strides=2,2 | relu"}) {
    EXPECT_EQ(per_run(text), (std::vector<std::size_t>(5, 0))) << text;
  }
}

TEST_F(Allocation, OneDnnStepsAllocateTheSameEveryRun) {
  for (const std::string text :
       {"y = Convolution(x: f32[1,8,9,9], w: f32[16,8,3,3]{0}) | add(b: f32[1,16,1,1]{0}) | relu",
        "y = GroupConvolution(x: f32[1,16,9,9], w: f32[16,1,1,3,3]{0}) | relu",
        "y = ConvolutionBackpropData(x: f32[1,3,4,5], w: f32[3,4,3,2]{0}) strides=2,2",
        "y = MatMul(x: f32[3,8], w: f32[8,5]{0}) | relu", "y = AvgPool(x: f32[1,8,8,8]) kernel=2,2 strides=2,2",
        "y = Softmax(x: f32[2,10]) axis=1"}) {
    const std::vector<std::size_t> counts = per_run(text);
    EXPECT_EQ(counts, (std::vector<std::size_t>(5, counts[0]))) << text;
    std::cout << counts[0] << " allocations a run: " << text << '\n';
  }
}

TEST_F(Allocation, SchedulingAllocatesNothing) {
  constexpr int kRuns = 50;
  Core core;
  const Properties properties{{"PERFORMANCE_HINT", "THROUGHPUT"}};
  std::vector<InferRequest> requests;
  for (const std::string text : {"y = Add(a: f32[1,8,20,20], b: f32[1,8,20,20]) | relu",
                                 "y = Multiply(a: f32[2,3,4,5], b: f32[3,1,1]) | sigmoid"}) {
    Model model;
    model.graph = parse_graph(text);
    const CompiledModel compiled = core.compile_model(model, "CPU", properties);
    for (int i = 0; i < 4; ++i) {
      requests.push_back(compiled.create_infer_request());
      requests.back().set_stream(core.scheduler().new_stream());
    }
  }
  const auto run_all = [&] {
    for (InferRequest& request : requests) {
      request.start_async();
    }
    for (InferRequest& request : requests) {
      request.wait();
    }
  };
  run_all();
  const std::size_t before = allocations;
  for (int i = 0; i < kRuns; ++i) {
    run_all();
  }
  // A queue and a place in it for each request, if the warm-up never had all of them waiting.
  EXPECT_LE(allocations - before, 2 * requests.size()) << "in " << kRuns * requests.size() << " runs";
}

}  // namespace
}  // namespace fovea::test
