#include "engine/runtime/shape_variants.hpp"

#include <algorithm>
#include <list>

#include "engine/base/mutex.hpp"
#include "engine/base/text.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/runtime/interpreted.hpp"

namespace fovea {

void Execution::reshape_input(std::size_t index, const Shape& shape) {
  const Shape& own = input(index).type.shape;
  if (shape != own) {
    fail(ErrorCode::kInvalidArgument, "input {} takes {}, not {}", index, to_string(own), to_string(shape));
  }
}

namespace {

using Shapes = std::vector<Shape>;

/// Compiled variants, the one used last in front. Thread-safe.
class Variants {
 public:
  Variants(Graph graph, std::shared_ptr<const Plugin> plugin, Properties properties)
      : graph_(std::move(graph)),
        plugin_(std::move(plugin)),
        properties_(std::move(properties)),
        capacity_(static_cast<std::size_t>(parse_int(properties_.at("SHAPE_CACHE_SIZE")).value_or(1))) {}

  [[nodiscard]] const Graph& graph() const { return graph_; }

  /// Compiles without the lock, so that requests with known shapes go on meanwhile.
  std::shared_ptr<const Executable> get(const Shapes& shapes) {
    if (auto known = find(shapes)) {
      return known;
    }
    Graph fixed = graph_;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      fixed.value(fixed.inputs[i].value).type.shape = shapes[i];
    }
    infer_shapes(fixed);
    std::shared_ptr<const Executable> compiled = compile_run_time_shapes(std::move(fixed), *plugin_, properties_);
    if (auto known = find(shapes)) {
      return known;  // somebody else was faster
    }
    const MutexLock lock(mutex_);
    entries_.push_front({shapes, compiled});
    while (entries_.size() > capacity_) {
      entries_.pop_back();
    }
    return compiled;
  }

  /// nullptr before the first one.
  std::shared_ptr<const Executable> last() {
    const MutexLock lock(mutex_);
    return entries_.empty() ? nullptr : entries_.front().executable;
  }

 private:
  struct Entry {
    Shapes shapes;
    std::shared_ptr<const Executable> executable;
  };

  std::shared_ptr<const Executable> find(const Shapes& shapes) {
    const MutexLock lock(mutex_);
    const auto found = std::ranges::find(entries_, shapes, &Entry::shapes);
    if (found == entries_.end()) {
      return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().executable;
  }

  Graph graph_;
  std::shared_ptr<const Plugin> plugin_;
  Properties properties_;
  std::size_t capacity_;
  Mutex mutex_;
  std::list<Entry> entries_ FOVEA_GUARDED_BY(mutex_);
};

/// Has inputs of its own; those of the variant are filled from them when it runs.
class VariantExecution final : public Execution {
 public:
  explicit VariantExecution(std::shared_ptr<Variants> variants) : variants_(std::move(variants)) {
    const Graph& graph = variants_->graph();
    for (const GraphPort& port : graph.inputs) {
      types_.push_back(graph.value(port.value).type);
      inputs_.push_back(is_static(types_.back().shape) ? Tensor(types_.back()) : Tensor());
    }
  }

  TensorView input(std::size_t i) override {
    return inputs_.at(i).empty() ? TensorView{types_.at(i), nullptr} : inputs_.at(i).mutable_view();
  }

  void reshape_input(std::size_t i, const Shape& shape) override {
    if (inputs_.at(i).empty() || inputs_.at(i).shape() != shape) {
      inputs_.at(i) = Tensor(types_.at(i).data_type, shape);
    }
  }

  ConstTensorView output(std::size_t i) const override {
    if (execution_ != nullptr) {
      return execution_->output(i);
    }
    const Graph& graph = variants_->graph();
    return {graph.value(graph.outputs.at(i).value).type, nullptr};
  }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    Shapes shapes;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].empty()) {
        fail(ErrorCode::kInvalidArgument, "input '{}' has the open shape {} and was given none",
             variants_->graph().inputs[i].name, to_string(types_[i].shape));
      }
      shapes.push_back(inputs_[i].shape());
    }
    if (execution_ == nullptr || shapes != shapes_) {
      execution_ = variants_->get(shapes)->create_execution();
      shapes_ = std::move(shapes);
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      // A device may want another element type than declared (f32 for f16).
      const TensorView target = execution_->input(i);
      const Tensor source =
          inputs_[i].data_type() == target.type.data_type ? inputs_[i] : inputs_[i].cast(target.type.data_type);
      std::ranges::copy(source.bytes(), target.bytes);
    }
    execution_->run(cancel, profile);
  }

 private:
  std::shared_ptr<Variants> variants_;
  std::vector<TensorType> types_;  ///< As declared.
  std::vector<Tensor> inputs_;     ///< Empty: no shape yet.
  Shapes shapes_;                  ///< Those of `execution_`.
  std::unique_ptr<Execution> execution_;
};

class VariantExecutable final : public Executable {
 public:
  explicit VariantExecutable(std::shared_ptr<Variants> variants) : variants_(std::move(variants)) {}

  std::unique_ptr<Execution> create_execution() const override { return std::make_unique<VariantExecution>(variants_); }

  std::vector<StepInfo> steps() const override {
    const auto last = variants_->last();
    return last == nullptr ? std::vector<StepInfo>() : last->steps();
  }

  MemoryUse memory() const override {
    const auto last = variants_->last();
    return last == nullptr ? MemoryUse() : last->memory();
  }

 private:
  std::shared_ptr<Variants> variants_;
};

}  // namespace

std::unique_ptr<Executable> compile_any_shapes(Graph graph, std::shared_ptr<const Plugin> plugin,
                                               const Properties& properties) {
  const bool open = std::ranges::any_of(
      graph.inputs, [&](const GraphPort& port) { return !is_static(graph.value(port.value).type.shape); });
  if (!open) {
    return compile_run_time_shapes(std::move(graph), *plugin, properties);
  }
  return std::make_unique<VariantExecutable>(
      std::make_shared<Variants>(std::move(graph), std::move(plugin), properties));
}

}  // namespace fovea
