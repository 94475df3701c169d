#include "engine/plugins/cpu/execution.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "engine/base/mutex.hpp"
#include "engine/plugins/cpu/arena_pool.hpp"
#include "engine/plugins/cpu/work_pool.hpp"

namespace fovea::cpu {
namespace {

/// Step for step; empty where nothing runs (views) or somebody else binds it.
using BoundSteps = std::vector<BoundStep>;

/// What all requests of a model share.
class SharedModel {
 public:
  explicit SharedModel(std::shared_ptr<const Program> program)
      : program_(std::move(program)), claim_(ArenaPool::of_process(), program_->arena_bytes) {
    for (const ProgramStep& step : program_->steps) {
      const auto of_request = [&](int id) { return id >= 0 && buffer(id).of_request; };
      of_request_.push_back(std::ranges::any_of(step.inputs, of_request) ||
                            std::ranges::any_of(step.outputs, of_request));
    }
  }

  [[nodiscard]] const Program& program() const { return *program_; }
  /// The step reads or writes a request's inputs or outputs.
  [[nodiscard]] bool is_of_request(std::size_t step) const { return of_request_[step]; }

  /// The steps that are not of a request, in this arena. Valid as long as this.
  const BoundSteps& in_arena(const Arena& arena) {
    const MutexLock lock(mutex_);
    if (by_arena_.size() <= arena.index()) {
      by_arena_.resize(arena.index() + 1);
    }
    std::unique_ptr<BoundSteps>& bound = by_arena_[arena.index()];
    if (bound == nullptr) {
      bound = std::make_unique<BoundSteps>();
      for (std::size_t i = 0; i < program_->steps.size(); ++i) {
        bound->push_back(is_of_request(i) ? BoundStep() : bind(i, nullptr, arena));
      }
    }
    return *bound;
  }

  [[nodiscard]] BoundStep bind(std::size_t number, std::byte* request_memory, const Arena& arena) const {
    const ProgramStep& step = program_->steps[number];
    if (step.plan.alias) {
      return {};
    }
    const auto address = [&](int id) -> std::byte* {
      if (id < 0) {
        return nullptr;
      }
      const Buffer& place = buffer(id);
      if (!place.constant.empty()) {
        return const_cast<std::byte*>(place.constant.bytes().data());
      }
      return (place.of_request ? request_memory : arena.data()) + place.offset;
    };
    const auto pitch = [&](int id) { return id < 0 ? 0 : buffer(id).pitch; };
    Bindings bindings;
    std::ranges::transform(step.inputs, std::back_inserter(bindings.inputs), address);
    std::ranges::transform(step.outputs, std::back_inserter(bindings.outputs), address);
    std::ranges::transform(step.inputs, std::back_inserter(bindings.input_pitches), pitch);
    std::ranges::transform(step.outputs, std::back_inserter(bindings.output_pitches), pitch);
    bindings.scratch = address(step.scratch);
    return step.plan.bind(bindings);
  }

 private:
  [[nodiscard]] const Buffer& buffer(int id) const { return program_->buffers[static_cast<std::size_t>(id)]; }

  std::shared_ptr<const Program> program_;
  ArenaPool::Claim claim_;
  std::vector<bool> of_request_;
  Mutex mutex_;
  std::vector<std::unique_ptr<BoundSteps>> by_arena_ FOVEA_GUARDED_BY(mutex_);
};

class CpuExecution final : public Execution {
 public:
  explicit CpuExecution(std::shared_ptr<SharedModel> shared)
      : shared_(std::move(shared)),
        program_(shared_->program()),
        memory_(DataType::kU8, {static_cast<std::int64_t>(std::max<std::size_t>(program_.request_bytes, 1))}) {
    // Runs find their steps bound, unless there are more at the same time than ever before.
    for (const Arena* arena : ArenaPool::of_process().open(static_cast<std::size_t>(program_.lanes))) {
      bound_in(*arena);
    }
  }

  TensorView input(std::size_t i) override { return {program_.input_types.at(i), address(program_.inputs.at(i))}; }
  ConstTensorView output(std::size_t i) const override {
    return {program_.output_types.at(i), address(program_.outputs.at(i))};
  }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    omp_set_num_threads(1);  // oneDNN's own threads; ours divide the steps
    const ArenaPool::Lease lease(ArenaPool::of_process(), program_.arena_bytes);
    const Bound& bound = bound_in(lease.arena());
    Team team(WorkPool::of_process(), program_.threads);
    if (profile != nullptr) {
      profile->clear();
    }
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      if (cancel) {
        fail(ErrorCode::kCancelled, "cancelled before node '{}'", program_.steps[i].info.node);
      }
      const BoundStep& step = shared_->is_of_request(i) ? bound.own[i] : (*bound.shared)[i];
      if (!step) {
        continue;  // a view of its input
      }
      if (profile == nullptr) {
        step(team);
        continue;
      }
      const auto begin = std::chrono::steady_clock::now();
      step(team);
      const StepInfo& info = program_.steps[i].info;
      profile->push_back({info.node, info.op, info.kernel, std::chrono::steady_clock::now() - begin});
    }
  }

 private:
  struct Bound {
    const BoundSteps* shared = nullptr;  ///< nullptr: not bound yet.
    BoundSteps own;
  };

  const Bound& bound_in(const Arena& arena) {
    if (by_arena_.size() <= arena.index()) {
      by_arena_.resize(arena.index() + 1);
    }
    Bound& bound = by_arena_[arena.index()];
    if (bound.shared == nullptr) {
      for (std::size_t i = 0; i < program_.steps.size(); ++i) {
        bound.own.push_back(shared_->is_of_request(i) ? shared_->bind(i, request_memory(), arena) : BoundStep());
      }
      bound.shared = &shared_->in_arena(arena);
    }
    return bound;
  }

  [[nodiscard]] std::byte* request_memory() const { return const_cast<std::byte*>(memory_.bytes().data()); }

  /// Of an input or output.
  [[nodiscard]] std::byte* address(int id) const {
    const Buffer& buffer = program_.buffers[static_cast<std::size_t>(id)];
    return buffer.constant.empty() ? request_memory() + buffer.offset
                                   : const_cast<std::byte*>(buffer.constant.bytes().data());
  }

  std::shared_ptr<SharedModel> shared_;
  const Program& program_;
  Tensor memory_;  ///< Inputs and outputs.
  std::vector<Bound> by_arena_;
};

class CpuExecutable final : public Executable {
 public:
  explicit CpuExecutable(std::shared_ptr<const Program> program)
      : shared_(std::make_shared<SharedModel>(std::move(program))) {}

  std::unique_ptr<Execution> create_execution() const override { return std::make_unique<CpuExecution>(shared_); }

  std::vector<StepInfo> steps() const override {
    std::vector<StepInfo> infos;
    for (const ProgramStep& step : shared_->program().steps) {
      infos.push_back(step.info);
    }
    return infos;
  }

  MemoryUse memory() const override { return memory_of(shared_->program()); }

 private:
  std::shared_ptr<SharedModel> shared_;
};

}  // namespace

std::unique_ptr<Executable> make_executable(std::shared_ptr<const Program> program) {
  return std::make_unique<CpuExecutable>(std::move(program));
}

}  // namespace fovea::cpu
