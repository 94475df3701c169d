#include "engine/ops/interpreter.hpp"

#include <algorithm>

namespace fovea {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// Also those of the inputs: what was not checked against them before must be now.
bool types_are_known(const Graph& graph, const Node& node) {
  const auto known = [&](ValueId id) { return id == kNone || is_static(graph.value(id).type.shape); };
  return std::ranges::all_of(node.inputs, known) && std::ranges::all_of(node.outputs, known);
}

std::vector<Tensor> run_node(const Graph& graph, const Node& node, const std::vector<Tensor>& values, bool types_hold) {
  if (!types_hold || !types_are_known(graph, node)) {
    std::vector<const Tensor*> inputs;
    for (const ValueId input : node.inputs) {
      inputs.push_back(input == kNone ? nullptr : &values[index(input)]);
    }
    return evaluate_at_run_time(node, inputs);
  }
  std::vector<ConstTensorView> inputs;
  for (const ValueId input : node.inputs) {
    inputs.push_back(input == kNone ? ConstTensorView{} : values[index(input)].view());
  }
  std::vector<TensorType> types;
  for (const ValueId output : node.outputs) {
    types.push_back(graph.value(output).type);
  }
  return evaluate(node, inputs, types);
}

}  // namespace

Interpreter::Interpreter(std::shared_ptr<const Graph> graph)
    : graph_(std::move(graph)), last_use_(graph_->values.size(), -1) {
  for (std::size_t n = 0; n < graph_->nodes.size(); ++n) {
    for (const ValueId input : graph_->nodes[n].inputs) {
      if (input != kNone && graph_->value(input).producer != kNone) {
        last_use_[index(input)] = static_cast<std::ptrdiff_t>(n);
      }
    }
  }
  for (const GraphPort& port : graph_->outputs) {
    last_use_[index(port.value)] = -1;
  }
}

std::vector<Tensor> Interpreter::run(const std::vector<Tensor>& inputs, const RunObserver& observer) const {
  if (inputs.size() != graph_->inputs.size()) {
    fail(ErrorCode::kInternal, "graph '{}' got {} inputs, expected {}", graph_->name, inputs.size(),
         graph_->inputs.size());
  }
  std::vector<Tensor> values(graph_->values.size());
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (graph_->values[v].constant) {
      values[v] = *graph_->values[v].constant;
    }
  }
  bool types_hold = true;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph_->value(graph_->inputs[i].value);
    types_hold = types_hold && value.type == inputs[i].type();
    values[index(graph_->inputs[i].value)] = inputs[i];
  }
  for (std::size_t n = 0; n < graph_->nodes.size(); ++n) {
    const Node& node = graph_->nodes[n];
    if (observer.before) {
      observer.before(node);
    }
    std::vector<Tensor> results = run_node(*graph_, node, values, types_hold);
    for (std::size_t i = 0; i < results.size(); ++i) {
      values[index(node.outputs[i])] = std::move(results[i]);
    }
    for (const ValueId input : node.inputs) {
      if (input != kNone && last_use_[index(input)] == static_cast<std::ptrdiff_t>(n)) {
        values[index(input)] = {};
      }
    }
    if (observer.after) {
      observer.after(node);
    }
  }
  std::vector<Tensor> outputs;
  for (const GraphPort& port : graph_->outputs) {
    outputs.push_back(values[index(port.value)]);
  }
  return outputs;
}

}  // namespace fovea
