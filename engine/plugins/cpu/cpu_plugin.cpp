// The CPU device: oneDNN and our own kernels, channels last, one memory arena for each run under way.
#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/base/cpu_info.hpp"
#include "engine/base/text.hpp"
#include "engine/passes/pass.hpp"
#include "engine/plugins/cpu/byte_tables.hpp"
#include "engine/plugins/cpu/compiler.hpp"
#include "engine/plugins/cpu/execution.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {
namespace cpu {
namespace {

/// Asked for, or left to us by who prefers speed; only where the processor multiplies bf16 itself.
bool wants_bf16(const Properties& properties) {
  const std::string& precision = properties.at("INFERENCE_PRECISION_HINT");
  const bool free = precision == "auto" && properties.at("EXECUTION_MODE_HINT") == "PERFORMANCE";
  return (precision == "bf16" || free) && cpu_multiplies_bf16();
}

class CpuPlugin final : public Plugin {
 public:
  std::string name() const override { return "CPU"; }

  std::string description() const override {
    return fmt::format("{}, {} core{}, {}", cpu_model_name(), available_cores(), available_cores() == 1 ? "" : "s",
                       cpu_vector_extension());
  }

  LaneUse lane_use(const Properties& properties) const override { return use_of(properties); }

  static LaneUse use_of(const Properties& properties) {
    const auto number = [&](const char* name) { return static_cast<int>(parse_int(properties.at(name)).value_or(0)); };
    const int wanted = number("INFERENCE_NUM_THREADS");
    const int cores = wanted > 0 ? std::min(wanted, available_cores()) : available_cores();
    int lanes = number("NUM_STREAMS");
    if (lanes == 0) {
      lanes = properties.at("PERFORMANCE_HINT") == "LATENCY" ? 1 : cores;
      if (const int requests = number("PERFORMANCE_HINT_NUM_REQUESTS"); requests > 0) {
        lanes = std::min(lanes, requests);
      }
    }
    lanes = std::min(lanes, cores);
    return {.lanes = lanes, .threads = std::max(cores / lanes, 1)};
  }

  std::unique_ptr<Executable> compile(Graph graph, const Properties& properties) const override {
    optimise(graph);
    return make_executable(program_of(std::move(graph), std::make_unique<Packing>(), properties));
  }

  std::string cache_key(const Properties& properties) const override {
    const dnnl_version_t* const onednn = dnnl_version();
    return fmt::format("cpu, threads {}, bf16 {} int8 {} isa {} {} onednn {}.{}.{} {}", lane_use(properties).threads,
                       wants_bf16(properties), cpu_multiplies_bytes(), cpu_vector_extension(),
                       static_cast<int>(dnnl_get_effective_cpu_isa()), onednn->major, onednn->minor, onednn->patch,
                       onednn->hash);
  }

  std::unique_ptr<Executable> compile(Graph graph, const Properties& properties, CompiledParts& parts) const override {
    optimise(graph);
    parts.graph = graph;
    auto program = program_of(std::move(graph), std::make_unique<Packing>(), properties);
    parts.blobs = program->packing->blobs();
    return make_executable(std::move(program));
  }

  std::unique_ptr<Executable> restore(CompiledParts parts, const Properties& properties) const override {
    return make_executable(
        program_of(std::move(parts.graph), std::make_unique<Packing>(std::move(parts.blobs)), properties));
  }

 private:
  static std::shared_ptr<const Program> program_of(Graph optimised, std::unique_ptr<Packing> packing,
                                                   const Properties& properties) {
    const LaneUse use = use_of(properties);
    const CompileOptions options{
        .threads = use.threads, .lanes = use.lanes, .bf16 = wants_bf16(properties), .int8 = cpu_multiplies_bytes()};
    if (options.int8) {
      fold_into_tables(optimised);
    }
    // oneDNN decides its blocking by the thread count at creation; the calling thread gets its own count back after.
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    auto program = cpu::compile(std::move(optimised), std::move(packing), options);
    omp_set_num_threads(before);
    return program;
  }
};

}  // namespace
}  // namespace cpu

std::unique_ptr<Plugin> make_cpu_plugin() { return std::make_unique<cpu::CpuPlugin>(); }

}  // namespace fovea
