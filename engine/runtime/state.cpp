#include "engine/runtime/state.hpp"

#include <algorithm>
#include <map>

#include "engine/ops/interpreter.hpp"
#include "engine/ops/variables.hpp"
#include "engine/runtime/shape_variants.hpp"

namespace fovea {
namespace {

/// One variable's nodes.
struct Variable {
  NodeId read = kNone;
  NodeId write = kNone;
};

std::map<std::string, Variable> find_variables(const Graph& graph) {
  std::map<std::string, Variable> variables;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const bool reads = node.op->name == "ReadValue";
    if (!reads && node.op->name != "Assign") {
      continue;
    }
    Variable& variable = variables[node.attrs<ops::VariableAttributes>().variable_id];
    NodeId& place = reads ? variable.read : variable.write;
    if (place != kNone) {
      fail(ErrorCode::kInvalidModel, "nodes '{}' and '{}' both {} variable '{}'", graph.node(place).name, node.name,
           reads ? "read" : "write", node.attrs<ops::VariableAttributes>().variable_id);
    }
    place = static_cast<NodeId>(n);
  }
  return variables;
}

/// A graph whose variables are inputs and outputs behind its own, in the same order. Its own outputs may be what is
/// written, too.
struct LiftedGraph {
  Graph graph;
  Graph first;              ///< From the graph's own inputs to the variables' first values.
  std::size_t outputs = 0;  ///< The graph's own.
};

void check_types(const Graph& graph, const std::string& name, const Variable& variable) {
  const TensorType& read = graph.value(graph.node(variable.read).outputs[0]).type;
  const TensorType& written = graph.value(graph.node(variable.write).inputs[0]).type;
  const bool known = has_rank(read.shape) && is_static(written.shape);
  if (read.data_type != written.data_type || (known && !shape_fits(read.shape, written.shape))) {
    fail(ErrorCode::kInvalidModel, "node '{}' writes {} into variable '{}' of {}", graph.node(variable.write).name,
         to_string(written), name, to_string(read));
  }
}

LiftedGraph lift_state(const Graph& graph) {
  LiftedGraph lifted{.graph = graph, .first = graph, .outputs = graph.outputs.size()};
  lifted.first.outputs.clear();
  std::vector<bool> erased(graph.nodes.size(), false);
  const std::map<std::string, Variable> variables = find_variables(graph);
  for (const auto& [name, variable] : variables) {
    if (variable.write != kNone) {
      const Node& write = lifted.graph.node(variable.write);  // its input may have been another variable's before
      lifted.graph.replace_uses(write.outputs[0], write.inputs[0]);
      erased[static_cast<std::size_t>(variable.write)] = true;
    }
    if (variable.read == kNone || variable.write == kNone) {
      continue;  // a variable that nobody reads, or that never changes
    }
    check_types(graph, name, variable);
    const Node& read = graph.node(variable.read);
    lifted.first.add_output(read.outputs[0], name);
    const std::string label = lifted.graph.unique_value_name("variable " + name);
    const ValueId input = lifted.graph.add_input(label, graph.value(read.outputs[0]).type);
    // A variable may be written with what was read of another one.
    lifted.graph.replace_uses(read.outputs[0], input);
    erased[static_cast<std::size_t>(variable.read)] = true;
  }
  for (const auto& [name, variable] : variables) {
    if (variable.read != kNone && variable.write != kNone) {
      lifted.graph.add_output(lifted.graph.node(variable.write).inputs[0], "variable " + name);
    }
  }
  lifted.graph.erase_nodes(erased);
  lifted.graph.compact();
  lifted.first.compact();
  verify(lifted.graph);
  verify(lifted.first);
  return lifted;
}

/// Variables between the runs of an Execution.
class StatefulExecution final : public Execution {
 public:
  StatefulExecution(std::unique_ptr<Execution> inner, std::shared_ptr<const Interpreter> first, std::size_t outputs)
      : inner_(std::move(inner)), first_(std::move(first)), outputs_(outputs) {}

  TensorView input(std::size_t i) override { return inner_->input(i); }
  void reshape_input(std::size_t i, const Shape& shape) override { inner_->reshape_input(i, shape); }
  ConstTensorView output(std::size_t i) const override { return inner_->output(i); }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    if (!started_) {
      contents_ = first_values();
    }
    const std::size_t first_input = first_->graph().inputs.size();
    for (std::size_t i = 0; i < contents_.size(); ++i) {
      inner_->reshape_input(first_input + i, contents_[i].shape());
      const TensorView target = inner_->input(first_input + i);
      const bool same = target.type.data_type == contents_[i].data_type();
      std::ranges::copy((same ? contents_[i] : contents_[i].cast(target.type.data_type)).bytes(), target.bytes);
    }
    inner_->run(cancel, profile);
    for (std::size_t i = 0; i < contents_.size(); ++i) {
      keep(i, inner_->output(outputs_ + i));
    }
    started_ = true;
  }

 private:
  std::vector<Tensor> first_values() {
    const Graph& graph = first_->graph();
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      const TensorView view = inner_->input(i);
      if (view.bytes == nullptr) {
        fail(ErrorCode::kInvalidArgument, "input '{}' has the open shape {} and was given none", graph.inputs[i].name,
             to_string(view.type.shape));
      }
      inputs.push_back(Tensor(view.type, view.bytes, nullptr).cast(graph.value(graph.inputs[i].value).type.data_type));
    }
    std::vector<Tensor> values;
    for (const Tensor& value : first_->run(inputs)) {
      values.push_back(value.clone());  // may be an input's memory
    }
    return values;
  }

  void keep(std::size_t i, const ConstTensorView& written) {
    Tensor& content = contents_[i];
    if (content.type() != written.type) {
      content = Tensor(written.type);
    }
    std::copy_n(written.bytes, byte_size(written.type), content.mutable_view().bytes);
  }

  std::unique_ptr<Execution> inner_;
  std::shared_ptr<const Interpreter> first_;
  std::size_t outputs_;
  std::vector<Tensor> contents_;  ///< Of the variables.
  bool started_ = false;
};

class StatefulExecutable final : public Executable {
 public:
  StatefulExecutable(std::unique_ptr<Executable> inner, LiftedGraph lifted)
      : inner_(std::move(inner)),
        first_(std::make_shared<const Interpreter>(std::make_shared<const Graph>(std::move(lifted.first)))),
        outputs_(lifted.outputs) {}

  std::unique_ptr<Execution> create_execution() const override {
    return std::make_unique<StatefulExecution>(inner_->create_execution(), first_, outputs_);
  }

  std::vector<StepInfo> steps() const override { return inner_->steps(); }
  MemoryUse memory() const override { return inner_->memory(); }

 private:
  std::unique_ptr<Executable> inner_;
  std::shared_ptr<const Interpreter> first_;
  std::size_t outputs_;
};

}  // namespace

std::unique_ptr<Executable> compile_with_state(Graph graph, std::shared_ptr<const Plugin> plugin,
                                               const Properties& properties) {
  if (std::ranges::none_of(
          graph.nodes, [](const Node& node) { return node.op->name == "ReadValue" || node.op->name == "Assign"; })) {
    return compile_any_shapes(std::move(graph), std::move(plugin), properties);
  }
  LiftedGraph lifted = lift_state(graph);
  graph = Graph();
  auto inner = compile_any_shapes(std::move(lifted.graph), std::move(plugin), properties);
  return std::make_unique<StatefulExecutable>(std::move(inner), std::move(lifted));
}

}  // namespace fovea
