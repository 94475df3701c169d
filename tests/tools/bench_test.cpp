// What `fovea bench` computes from runs, and the machine's peaks it measures against.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/ops/graph_text.hpp"
#include "tools/bench/layers.hpp"

namespace fovea::tools {
namespace {

using std::chrono_literals::operator""ms;

Graph chain() {
  return parse_graph(R"(
    c = Convolution(x: f32[1,8,16,16], w: f32[8,8,3,3]{0.5}) pads_begin=1,1 pads_end=1,1
    s = Reshape(c, t: i64[2]{1,2048}) special_zero=false
    y = MatMul(s, m: f32[2048,4]{0.25}))");
}

CompiledModel compile(Core& core, const Properties& properties) {
  Model model;
  model.name = "chain";
  model.graph = chain();
  return core.compile_model(std::move(model), "CPU", properties);
}

TEST(BenchResult, PercentilesAreNearestRanks) {
  BenchResult result;
  result.latencies_ms.resize(200);
  std::iota(result.latencies_ms.begin(), result.latencies_ms.end(), 1.0);
  EXPECT_EQ(result.percentile_ms(0.5), 100);
  EXPECT_EQ(result.percentile_ms(0.99), 198);
  EXPECT_EQ(result.percentile_ms(1), 200);
  EXPECT_EQ(result.percentile_ms(0.001), 1);
  result.latencies_ms = {7};
  EXPECT_EQ(result.percentile_ms(0.5), 7);
  EXPECT_EQ(result.percentile_ms(0.99), 7);
}

TEST(Measure, RunsAsOftenAsAsked) {
  Core core;
  const CompiledModel compiled = compile(core, {});
  for (const std::size_t requests : {std::size_t{1}, std::size_t{3}}) {
    const BenchResult result = measure(compiled, {}, {.requests = requests, .duration = {}, .iterations = 10});
    EXPECT_EQ(result.latencies_ms.size(), 10U);
    EXPECT_TRUE(std::ranges::is_sorted(result.latencies_ms));
    EXPECT_GT(result.latencies_ms.front(), 0);
    // Requests overlap: the time of all together is at most the sum, and no request is longer than all.
    EXPECT_GE(result.seconds * 1000, result.latencies_ms.back());
    EXPECT_GT(result.throughput(), 0);
  }
}

TEST(Measure, StopsAfterTheTime) {
  Core core;
  const BenchResult result = measure(compile(core, {}), {}, {.requests = 2, .duration = 20ms, .iterations = 0});
  EXPECT_GE(result.latencies_ms.size(), 2U);
  EXPECT_GE(result.seconds, 0.02);
}

TEST(Measure, RefusesWhatNeverEnds) {
  Core core;
  const CompiledModel compiled = compile(core, {});
  EXPECT_THROW(measure(compiled, {}, {.requests = 1, .duration = {}, .iterations = 0}), Error);
  EXPECT_THROW(measure(compiled, {}, {.requests = 0, .duration = {}, .iterations = 5}), Error);
}

TEST(MeasureLayers, CountsWhatEachStepComputesAndMoves) {
  Core core;
  const LayerReport report = measure_layers(compile(core, {{"PERF_COUNT", "YES"}}), chain(), {}, 10ms);
  const auto of = [&](const std::string& node) {
    return std::ranges::find_if(report.layers, [&](const Layer& layer) {
      return layer.time.step.node == node && layer.time.step.op != "Reorder";
    });
  };
  const auto convolution = of("c");
  ASSERT_NE(convolution, report.layers.end());
  EXPECT_EQ(convolution->operations, 2.0 * 16 * 16 * 8 * 8 * 9);
  EXPECT_EQ(convolution->bytes, 4.0 * (2 * 8 * 16 * 16 + 8 * 8 * 9));
  EXPECT_GT(convolution->time.median_ms, 0);
  EXPECT_FALSE(convolution->time.step.kernel.empty());
  const auto product = of("y");
  ASSERT_NE(product, report.layers.end());
  EXPECT_EQ(product->operations, 2.0 * 2048 * 4);
  // Any processor of the last ten years; a hundred times more than any core has would be a mistake in counting.
  EXPECT_GT(report.peaks.gflops, 0.1);
  EXPECT_LT(report.peaks.gflops, 1e6);
  EXPECT_GT(report.peaks.gigabytes_s, 0.01);
}

}  // namespace
}  // namespace fovea::tools
