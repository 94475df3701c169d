// Runs a compiled model over and over: how long each request took, and how many a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/runtime/core.hpp"
#include "tools/model_inputs.hpp"

namespace fovea::tools {

struct BenchSettings {
  std::size_t requests = 1;             ///< In flight at the same time.
  std::chrono::nanoseconds duration{};  ///< Zero: `iterations` decide.
  std::uint64_t iterations = 0;         ///< Zero: `duration` decides. Both given: what comes first.
};

struct BenchResult {
  std::vector<double> latencies_ms;  ///< Of every request, sorted.
  double seconds = 0;                ///< From the first start to the last end.

  [[nodiscard]] double throughput() const { return static_cast<double>(latencies_ms.size()) / seconds; }
  /// Nearest rank. \param p  In (0,1].
  [[nodiscard]] double percentile_ms(double p) const;
};

/// Runs each request once unmeasured, then measures.
/// \param given  Contents of inputs; the others are filled with reproducible noise.
/// \throws Error that a run failed with, Error{kInvalidArgument} for settings without an end or without requests.
BenchResult measure(const CompiledModel& compiled, const GivenInputs& given, const BenchSettings& settings);

/// Time of one step over several runs.
struct StepTime {
  StepInfo step;
  double median_ms = 0;
};

/// Median time of each step; the model must have been compiled with PERF_COUNT=YES.
std::vector<StepTime> measure_steps(const CompiledModel& compiled, const GivenInputs& given,
                                    std::chrono::nanoseconds duration);

}  // namespace fovea::tools
