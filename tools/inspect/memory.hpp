// `fovea inspect --memory`: what a compiled model takes on a device.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/runtime/core.hpp"

namespace fovea::tools {

/// Of a model compiled for latency and of the request that runs it.
struct MemoryReport {
  std::string device;
  MemoryUse use;
  std::string requests;  ///< OPTIMAL_NUMBER_OF_INFER_REQUESTS.
};

MemoryReport memory_report(const CompiledModel& compiled);

void print_memory(const MemoryReport& report);
nlohmann::json memory_json(const MemoryReport& report);

}  // namespace fovea::tools
