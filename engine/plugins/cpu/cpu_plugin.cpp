// The CPU device: oneDNN and our own kernels, channels last, one memory arena a request.
#include <omp.h>

#include <algorithm>

#include "engine/base/cpu_info.hpp"
#include "engine/base/text.hpp"
#include "engine/passes/pass.hpp"
#include "engine/plugins/cpu/byte_matrix.hpp"
#include "engine/plugins/cpu/byte_tables.hpp"
#include "engine/plugins/cpu/compiler.hpp"
#include "engine/plugins/cpu/work_pool.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {
namespace cpu {
namespace {

class CpuExecution final : public Execution {
 public:
  explicit CpuExecution(std::shared_ptr<const Program> program)
      : program_(std::move(program)),
        arena_(DataType::kU8, {static_cast<std::int64_t>(program_->arena_bytes + kByteSlack)}) {
    for (const ProgramStep& step : program_->steps) {
      Bindings bindings;
      for (const int id : step.inputs) {
        bindings.inputs.push_back(id < 0 ? nullptr : address(id));
      }
      for (const int id : step.outputs) {
        bindings.outputs.push_back(address(id));
      }
      bindings.scratch = step.scratch < 0 ? nullptr : address(step.scratch);
      steps_.push_back(step.plan.alias ? BoundStep() : step.plan.bind(bindings));
    }
  }

  TensorView input(std::size_t i) override { return {program_->input_types.at(i), address(program_->inputs.at(i))}; }
  ConstTensorView output(std::size_t i) const override {
    return {program_->output_types.at(i), address(program_->outputs.at(i))};
  }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    omp_set_num_threads(1);  // oneDNN's own threads; ours divide the steps
    Team team(WorkPool::of_process(), program_->threads);
    if (profile != nullptr) {
      profile->clear();
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (cancel) {
        fail(ErrorCode::kCancelled, "cancelled before node '{}'", program_->steps[i].info.node);
      }
      if (!steps_[i]) {
        continue;  // a view of its input
      }
      if (profile == nullptr) {
        steps_[i](team);
        continue;
      }
      const auto begin = std::chrono::steady_clock::now();
      steps_[i](team);
      const StepInfo& info = program_->steps[i].info;
      profile->push_back({info.node, info.op, info.kernel, std::chrono::steady_clock::now() - begin});
    }
  }

 private:
  [[nodiscard]] std::byte* address(int id) const {
    const Buffer& buffer = program_->buffers[static_cast<std::size_t>(id)];
    if (!buffer.constant.empty()) {
      return const_cast<std::byte*>(buffer.constant.bytes().data());
    }
    return const_cast<std::byte*>(arena_.bytes().data()) + buffer.offset;
  }

  std::shared_ptr<const Program> program_;
  Tensor arena_;
  std::vector<BoundStep> steps_;
};

class CpuExecutable final : public Executable {
 public:
  explicit CpuExecutable(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::unique_ptr<Execution> create_execution() const override { return std::make_unique<CpuExecution>(program_); }

  std::vector<StepInfo> steps() const override {
    std::vector<StepInfo> infos;
    for (const ProgramStep& step : program_->steps) {
      infos.push_back(step.info);
    }
    return infos;
  }

 private:
  std::shared_ptr<const Program> program_;
};

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

  LaneUse lane_use(const Properties& properties) const override {
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
    const bool int8 = cpu_multiplies_bytes();
    if (int8) {
      cpu::fold_into_tables(graph);
    }
    const int threads = lane_use(properties).threads;
    // oneDNN decides its blocking by the thread count at creation; the calling thread gets its own count back after.
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    auto program = cpu::compile(graph, {.threads = threads, .bf16 = wants_bf16(properties), .int8 = int8});
    omp_set_num_threads(before);
    return std::make_unique<CpuExecutable>(std::move(program));
  }
};

}  // namespace
}  // namespace cpu

std::unique_ptr<Plugin> make_cpu_plugin() { return std::make_unique<cpu::CpuPlugin>(); }

}  // namespace fovea
