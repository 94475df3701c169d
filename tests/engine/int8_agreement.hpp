// Runs a graph in bytes and compares it with the reference interpreter, for tests of the CPU device's kernels.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/base/cpu_info.hpp"
#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {

/// Weights (rank 4 and more, or named w) become multiples of 1/64, which i8 holds.
inline Graph quantised_graph(const std::string& text) {
  Graph graph = parse_graph(text);
  for (Value& value : graph.values) {
    const bool large = value.type.shape.size() >= 4 && element_count(value.type.shape) > 100;
    if (value.constant && value.type.data_type == DataType::kF32 && (large || value.name == "w")) {
      std::ranges::transform(random_input(value.type, 9).data<float>(), value.constant->data<float>().begin(),
                             [](float x) { return std::nearbyint(x * 64) / 64; });
    }
  }
  return graph;
}

/// Products of steps are exact, so results differ from the reference's by f32 rounding, or by a step where a value lies
/// that near to the edge between two.
/// \param step      Of the output's quantisation, 0 without.
/// \param expected  Beginnings of a step's output ("u8[1,16") and of a kernel's name, the second perhaps empty.
inline void agrees_in_bytes(const Graph& graph, double step, const std::string& expected_output,
                            const std::string& expected_kernel = "") {
  const RunResult actual = run_on("CPU", graph, 3);
  const RunResult expected = run_on("REFERENCE", graph, 3);
  for (std::size_t output = 0; output < actual.outputs.size(); ++output) {
    const std::vector<double> a = to_doubles(actual.outputs[output].view());
    const std::vector<double> e = to_doubles(expected.outputs[output].view());
    ASSERT_EQ(a.size(), e.size());
    std::size_t other_step = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double f32_rounding = 1e-5 * (1 + std::abs(e[i]));
      ASSERT_LE(std::abs(a[i] - e[i]), step + f32_rounding) << "element " << i << ": " << a[i] << " for " << e[i];
      other_step += std::abs(a[i] - e[i]) > f32_rounding ? 1 : 0;
    }
    EXPECT_LE(other_step, a.size() / 1000 + 1);
  }
  EXPECT_THAT(actual.outputs_of_steps, ::testing::Contains(::testing::StartsWith(expected_output)));
  if (!expected_kernel.empty()) {
    EXPECT_THAT(actual.kernels, ::testing::Contains(::testing::StartsWith(expected_kernel)));
  }
}

inline void agrees_in_bytes(const std::string& text, double step, const std::string& expected_output,
                            const std::string& expected_kernel = "") {
  SCOPED_TRACE(text);
  agrees_in_bytes(quantised_graph(text), step, expected_output, expected_kernel);
}

/// Tests that mean something only where bytes are multiplied.
class InBytes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_multiplies_bytes()) {
      GTEST_SKIP() << "this processor has no AVX512_VNNI";
    }
  }
};

}  // namespace fovea::test
