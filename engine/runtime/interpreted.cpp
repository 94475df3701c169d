#include "engine/runtime/interpreted.hpp"

#include <algorithm>
#include <map>

#include "engine/ops/shape_inference.hpp"
#include "engine/passes/pass.hpp"

namespace fovea {
namespace {

constexpr std::string_view kKernel = "reference (sizes at run time)";

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// Where an output of the whole graph comes from.
struct OutputPlace {
  bool interpreted = false;
  std::size_t index = 0;  ///< Among the outputs of that part.
};

/// The two parts of a graph. `front` outputs what `tail` reads, and those outputs of the whole it computes.
struct Parts {
  Graph front;
  Graph tail;
  std::vector<std::size_t> tail_inputs;  ///< Output of the front for each input of the tail.
  std::vector<OutputPlace> outputs;
};

/// Marks nodes with unknown shapes and all that hang on them.
std::vector<bool> interpreted_nodes(const Graph& graph) {
  std::vector<bool> marked(graph.nodes.size(), false);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    marked[n] = std::ranges::any_of(node.outputs, [&](ValueId id) { return !is_static(graph.value(id).type.shape); }) ||
                std::ranges::any_of(node.inputs, [&](ValueId id) {
                  return id != kNone && graph.value(id).producer != kNone && marked[index(graph.value(id).producer)];
                });
  }
  return marked;
}

Parts split(const Graph& graph) {
  const std::vector<bool> marked = interpreted_nodes(graph);
  const auto in_tail = [&](ValueId id) {
    const NodeId producer = graph.value(id).producer;
    return producer != kNone && marked[index(producer)];
  };
  Parts parts{.front = graph, .tail = graph, .tail_inputs = {}, .outputs = {}};
  parts.front.outputs.clear();
  parts.tail.outputs.clear();
  parts.tail.inputs.clear();
  std::map<ValueId, std::size_t> front_output;
  const auto from_front = [&](ValueId id) {
    const auto [place, added] = front_output.try_emplace(id, parts.front.outputs.size());
    if (added) {
      parts.front.add_output(id, graph.value(id).name);
    }
    return place->second;
  };
  std::map<ValueId, bool> read_by_tail;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : graph.nodes[n].inputs) {
      if (marked[n] && id != kNone && !graph.is_constant(id) && !in_tail(id) && !read_by_tail[id]) {
        read_by_tail[id] = true;
        parts.tail_inputs.push_back(from_front(id));
        parts.tail.inputs.push_back({.value = id, .name = graph.value(id).name, .aliases = {}, .layout = {}});
      }
    }
  }
  for (const GraphPort& port : graph.outputs) {
    if (in_tail(port.value)) {
      parts.outputs.push_back({true, parts.tail.outputs.size()});
      parts.tail.outputs.push_back(port);
    } else {
      parts.outputs.push_back({false, from_front(port.value)});
    }
  }
  std::vector<bool> unmarked = marked;
  unmarked.flip();
  parts.front.erase_nodes(marked);
  parts.tail.erase_nodes(unmarked);
  for (const GraphPort& port : parts.tail.inputs) {
    parts.tail.value(port.value).producer = kNone;
  }
  parts.front.compact();
  parts.tail.compact();
  verify(parts.front);
  verify(parts.tail);
  return parts;
}

/// The front on its device, then the tail in the interpreter.
class TwoPartExecution final : public Execution {
 public:
  TwoPartExecution(std::unique_ptr<Execution> front, std::shared_ptr<const Interpreter> tail,
                   std::vector<std::size_t> tail_inputs, std::vector<OutputPlace> outputs)
      : front_(std::move(front)),
        tail_(std::move(tail)),
        tail_inputs_(std::move(tail_inputs)),
        outputs_(std::move(outputs)) {}

  TensorView input(std::size_t i) override { return front_->input(i); }

  ConstTensorView output(std::size_t i) const override {
    const OutputPlace& place = outputs_.at(i);
    if (!place.interpreted) {
      return front_->output(place.index);
    }
    if (place.index < results_.size()) {
      return results_[place.index].view();
    }
    return {tail_->graph().value(tail_->graph().outputs[place.index].value).type, nullptr};
  }

  void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) override {
    front_->run(cancel, profile);
    std::vector<Tensor> inputs;
    for (const std::size_t i : tail_inputs_) {
      const ConstTensorView view = front_->output(i);
      inputs.emplace_back(view.type, view.bytes, nullptr);  // the front's memory outlives this run
    }
    std::vector<StepProfile> steps;
    const auto observer = observe_run(cancel, profile == nullptr ? nullptr : &steps, kKernel);
    results_ = tail_->run(inputs, observer);
    if (profile != nullptr) {
      profile->insert(profile->end(), steps.begin(), steps.end());
    }
  }

 private:
  std::unique_ptr<Execution> front_;
  std::shared_ptr<const Interpreter> tail_;
  std::vector<std::size_t> tail_inputs_;
  std::vector<OutputPlace> outputs_;
  std::vector<Tensor> results_;
};

class TwoPartExecutable final : public Executable {
 public:
  TwoPartExecutable(Parts parts, std::unique_ptr<Executable> front)
      : front_(std::move(front)),
        tail_(std::make_shared<const Interpreter>(std::make_shared<const Graph>(std::move(parts.tail)))),
        tail_inputs_(std::move(parts.tail_inputs)),
        outputs_(std::move(parts.outputs)) {}

  std::unique_ptr<Execution> create_execution() const override {
    return std::make_unique<TwoPartExecution>(front_->create_execution(), tail_, tail_inputs_, outputs_);
  }

  std::vector<StepInfo> steps() const override {
    std::vector<StepInfo> steps = front_->steps();
    for (StepInfo& step : interpreter_steps(tail_->graph(), kKernel)) {
      steps.push_back(std::move(step));
    }
    return steps;
  }

  MemoryUse memory() const override { return front_->memory(); }

 private:
  std::unique_ptr<Executable> front_;
  std::shared_ptr<const Interpreter> tail_;
  std::vector<std::size_t> tail_inputs_;
  std::vector<OutputPlace> outputs_;
};

}  // namespace

std::unique_ptr<Executable> compile_run_time_shapes(Graph graph, const Plugin& plugin, const Properties& properties) {
  if (plugin.sizes_at_run_time() || !has_run_time_shapes(graph)) {
    return plugin.compile(std::move(graph), properties);
  }
  check_static_inputs(graph);
  infer_shapes(graph);  // builders of graphs know less than all contents
  // Both parts must agree on the types of what flows between them, and constant shapes may make others static.
  widen_floats(graph);
  fold_constants(graph);
  graph.compact();
  if (!has_run_time_shapes(graph)) {
    return plugin.compile(std::move(graph), properties);
  }
  Parts parts = split(graph);
  auto front = plugin.compile(std::move(parts.front), properties);
  return std::make_unique<TwoPartExecutable>(std::move(parts), std::move(front));
}

RunObserver observe_run(const CancelFlag& cancel, std::vector<StepProfile>* profile, std::string_view kernel) {
  if (profile != nullptr) {
    profile->clear();
  }
  auto begin = std::make_shared<std::chrono::steady_clock::time_point>();
  return {.before =
              [&cancel, begin](const Node& node) {
                if (cancel) {
                  fail(ErrorCode::kCancelled, "cancelled before node '{}'", node.name);
                }
                *begin = std::chrono::steady_clock::now();
              },
          .after =
              [profile, begin, kernel](const Node& node) {
                if (profile != nullptr) {
                  profile->push_back({node.name, std::string(node.op->name), std::string(kernel),
                                      std::chrono::steady_clock::now() - *begin});
                }
              }};
}

std::vector<StepInfo> interpreter_steps(const Graph& graph, std::string_view kernel) {
  std::vector<StepInfo> steps;
  for (const Node& node : graph.nodes) {
    steps.push_back({.node = node.name,
                     .op = std::string(node.op->name),
                     .kernel = std::string(kernel),
                     .output = to_string(graph.value(node.outputs[0]).type),
                     .refusals = {}});
  }
  return steps;
}

}  // namespace fovea
