// Where a model's time goes: each step's median beside what it computes and moves, and what the machine could do.
#pragma once

#include <chrono>
#include <vector>

#include "engine/runtime/core.hpp"
#include "tools/bench/machine_peaks.hpp"
#include "tools/bench/measure.hpp"

namespace fovea::tools {

/// One step. Steps that move or finish another step's values have no operations and no bytes of their own.
struct Layer {
  StepTime time;
  double operations = 0;  ///< Of the model's node; see node_operations.
  double bytes = 0;       ///< Inputs, weights and outputs, each once.

  /// Rates in 10^9/s; 0 for steps too short for the clock.
  [[nodiscard]] double gflops() const { return time.median_ms > 0 ? operations / time.median_ms / 1e6 : 0; }
  [[nodiscard]] double gigabytes_s() const { return time.median_ms > 0 ? bytes / time.median_ms / 1e6 : 0; }
};

struct LayerReport {
  std::vector<Layer> layers;  ///< In order of execution.
  MachinePeaks peaks;         ///< With as many threads as a run has.
};

/// \param compiled  With PERF_COUNT=YES.
/// \param graph     What was compiled.
/// \param duration  How long runs are repeated.
/// \throws Error that a run failed with.
LayerReport measure_layers(const CompiledModel& compiled, const Graph& graph, const GivenInputs& given,
                           std::chrono::nanoseconds duration);

}  // namespace fovea::tools
