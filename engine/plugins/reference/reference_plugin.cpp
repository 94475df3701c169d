// The REFERENCE device: interprets the graph with the operators' reference kernels, every float in double precision
// until the outputs are rounded to f32. Slow, runs everything, the oracle.
#include "engine/ops/interpreter.hpp"
#include "engine/passes/pass.hpp"
#include "engine/runtime/interpreted.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {
namespace {

/// What a user of the device sees, as on the other devices: the model's own types, smaller floats as f32.
std::vector<DataType> outside_types(const Graph& model, std::span<const GraphPort> ports) {
  std::vector<DataType> types;
  for (const GraphPort& port : ports) {
    const DataType type = model.value(port.value).type.data_type;
    types.push_back(is_float(type) && type != DataType::kF64 ? DataType::kF32 : type);
  }
  return types;
}

/// Types of the model's inputs and outputs.
struct Outside {
  std::vector<DataType> inputs, outputs;
};

class ReferenceExecution final : public Execution {
 public:
  ReferenceExecution(std::shared_ptr<const Interpreter> interpreter, const Outside& outside)
      : interpreter_(std::move(interpreter)) {
    const Graph& graph = interpreter_->graph();
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      inputs_.emplace_back(TensorType{outside.inputs[i], graph.value(graph.inputs[i].value).type.shape});
    }
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      output_views_.push_back({{outside.outputs[i], graph.value(graph.outputs[i].value).type.shape}, nullptr});
    }
    outputs_.resize(output_views_.size());
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (is_static(output_views_[i].shape())) {
        set_output(i, Tensor(output_views_[i].type));
      }
    }
  }

  TensorView input(std::size_t i) override { return inputs_.at(i).mutable_view(); }
  ConstTensorView output(std::size_t i) const override { return output_views_.at(i); }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    const Graph& graph = interpreter_->graph();
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs.push_back(inputs_[i].cast(graph.value(graph.inputs[i].value).type.data_type));
    }
    const std::vector<Tensor> outputs = interpreter_->run(inputs, observe_run(cancel, profile, "reference"));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      set_output(i, outputs[i].cast(output_views_[i].type.data_type));
    }
  }

 private:
  void set_output(std::size_t i, Tensor tensor) {
    outputs_[i] = std::move(tensor);
    output_views_[i] = outputs_[i].view();
  }

  std::shared_ptr<const Interpreter> interpreter_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<ConstTensorView> output_views_;
};

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(Graph graph, Outside outside)
      : interpreter_(std::make_shared<const Interpreter>(std::make_shared<const Graph>(std::move(graph)))),
        outside_(std::move(outside)) {}

  std::unique_ptr<Execution> create_execution() const override {
    return std::make_unique<ReferenceExecution>(interpreter_, outside_);
  }

  std::vector<StepInfo> steps() const override { return interpreter_steps(interpreter_->graph(), "reference"); }

 private:
  std::shared_ptr<const Interpreter> interpreter_;
  Outside outside_;
};

class ReferencePlugin final : public Plugin {
 public:
  std::string name() const override { return "REFERENCE"; }
  std::string description() const override { return "Reference interpreter in double precision"; }
  LaneUse lane_use(const Properties& /*properties*/) const override { return {}; }
  bool sizes_at_run_time() const override { return true; }

  std::unique_ptr<Executable> compile(Graph graph, const Properties& /*properties*/) const override {
    check_static_inputs(graph);
    Outside outside{.inputs = outside_types(graph, graph.inputs), .outputs = outside_types(graph, graph.outputs)};
    // No fusions: this device says what the model means. Folding computes with the same kernels, once.
    widen_floats_to(graph, DataType::kF64);
    fold_constants(graph);
    graph.compact();
    verify(graph);
    return std::make_unique<ReferenceExecutable>(std::move(graph), std::move(outside));
  }
};

}  // namespace

std::unique_ptr<Plugin> make_reference_plugin() { return std::make_unique<ReferencePlugin>(); }

}  // namespace fovea
