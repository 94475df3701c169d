// The REFERENCE device: interprets the graph with the operators' reference kernels. Slow, runs everything, the oracle.
#include "engine/ops/op_def.hpp"
#include "engine/passes/pass.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {
namespace {

/// Runs the nodes in order, each into fresh tensors; a tensor goes when its last reader has run.
class ReferenceExecution final : public Execution {
 public:
  explicit ReferenceExecution(std::shared_ptr<const Graph> graph)
      : graph_(std::move(graph)), last_use_(graph_->values.size(), -1) {
    values_.resize(graph_->values.size());
    for (std::size_t v = 0; v < graph_->values.size(); ++v) {
      if (graph_->values[v].constant) {
        values_[v] = *graph_->values[v].constant;
      }
    }
    for (const GraphPort& port : graph_->inputs) {
      values_[index(port.value)] = Tensor(graph_->value(port.value).type);
    }
    for (std::size_t n = 0; n < graph_->nodes.size(); ++n) {
      for (const ValueId input : graph_->nodes[n].inputs) {
        if (input != kNone && graph_->value(input).producer != kNone) {
          last_use_[index(input)] = static_cast<std::ptrdiff_t>(n);
        }
      }
    }
    for (const GraphPort& port : graph_->outputs) {
      last_use_[index(port.value)] = -1;
      if (values_[index(port.value)].empty()) {
        values_[index(port.value)] = Tensor(graph_->value(port.value).type);
      }
    }
  }

  TensorView input(std::size_t i) override { return values_[index(graph_->inputs.at(i).value)].mutable_view(); }
  ConstTensorView output(std::size_t i) const override { return values_[index(graph_->outputs.at(i).value)].view(); }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    if (profile != nullptr) {
      profile->clear();
    }
    for (std::size_t n = 0; n < graph_->nodes.size(); ++n) {
      if (cancel) {
        fail(ErrorCode::kCancelled, "cancelled before node '{}'", graph_->nodes[n].name);
      }
      const auto begin = std::chrono::steady_clock::now();
      run_node(graph_->nodes[n], static_cast<std::ptrdiff_t>(n));
      if (profile != nullptr) {
        const Node& node = graph_->nodes[n];
        profile->push_back(
            {node.name, std::string(node.op->name), "reference", std::chrono::steady_clock::now() - begin});
      }
    }
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  void run_node(const Node& node, std::ptrdiff_t position) {
    std::vector<ConstTensorView> inputs;
    for (const ValueId input : node.inputs) {
      inputs.push_back(input == kNone ? ConstTensorView{} : values_[index(input)].view());
    }
    std::vector<TensorType> types;
    for (const ValueId output : node.outputs) {
      types.push_back(graph_->value(output).type);
    }
    std::vector<Tensor> results = evaluate(node, inputs, types);
    for (std::size_t i = 0; i < results.size(); ++i) {
      values_[index(node.outputs[i])] = std::move(results[i]);
    }
    for (const ValueId input : node.inputs) {
      if (input != kNone && last_use_[index(input)] == position) {
        values_[index(input)] = {};
      }
    }
  }

  std::shared_ptr<const Graph> graph_;
  std::vector<std::ptrdiff_t> last_use_;  ///< Node that reads a computed value last; -1: keep.
  std::vector<Tensor> values_;
};

class ReferenceExecutable final : public Executable {
 public:
  explicit ReferenceExecutable(Graph graph) : graph_(std::make_shared<const Graph>(std::move(graph))) {}

  std::unique_ptr<Execution> create_execution() const override { return std::make_unique<ReferenceExecution>(graph_); }

  std::vector<StepInfo> steps() const override {
    std::vector<StepInfo> steps;
    for (const Node& node : graph_->nodes) {
      steps.push_back({.node = node.name,
                       .op = std::string(node.op->name),
                       .kernel = "reference",
                       .output = to_string(graph_->value(node.outputs[0]).type),
                       .refusals = {}});
    }
    return steps;
  }

 private:
  std::shared_ptr<const Graph> graph_;
};

class ReferencePlugin final : public Plugin {
 public:
  std::string name() const override { return "REFERENCE"; }
  std::string description() const override { return "Reference interpreter in double precision"; }
  LaneUse lane_use(const Properties& /*properties*/) const override { return {}; }

  std::unique_ptr<Executable> compile(Graph graph, const Properties& /*properties*/) const override {
    check_static_inputs(graph);
    // No fusions: this device says what the model means. Folding computes with the same kernels, once.
    widen_floats(graph);
    fold_constants(graph);
    graph.compact();
    verify(graph);
    return std::make_unique<ReferenceExecutable>(std::move(graph));
  }
};

}  // namespace

std::unique_ptr<Plugin> make_reference_plugin() { return std::make_unique<ReferencePlugin>(); }

}  // namespace fovea
