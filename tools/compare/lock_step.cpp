#include "tools/compare/lock_step.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/passes/pass.hpp"
#include "tools/compare/bounds.hpp"
#include "tools/npy.hpp"

namespace fovea::tools {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUnit = 1.0 / (1 << 24);  // unit roundoff of f32

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// The graph every device sees: f32, nothing left that is known already.
Graph prepared(Graph graph) {
  check_static_inputs(graph);
  widen_floats(graph);
  fold_constants(graph);
  graph.compact();
  return graph;
}

/// One node as a model: constants stay, other inputs become inputs in their order, each once.
struct SingleNode {
  Model model;
  std::vector<ValueId> inputs;  ///< Values of the whole graph.
};

SingleNode single_node(const Graph& graph, const Node& node) {
  SingleNode single;
  std::map<ValueId, ValueId> renamed;
  Node copy = node;
  for (ValueId& input : copy.inputs) {
    if (input == kNone) {
      continue;
    }
    const Value& value = graph.value(input);
    if (!renamed.contains(input)) {
      renamed[input] = value.constant ? single.model.graph.add_constant(value.name, *value.constant)
                                      : single.model.graph.add_input(value.name, value.type);
      if (!value.constant) {
        single.inputs.push_back(input);
      }
    }
    input = renamed[input];
  }
  std::vector<TensorType> types;
  for (const ValueId output : node.outputs) {
    types.push_back(graph.value(output).type);
  }
  const NodeId id = single.model.graph.add_node(std::move(copy), types);
  for (const ValueId output : single.model.graph.node(id).outputs) {
    single.model.graph.add_output(output, single.model.graph.value(output).name);
  }
  single.model.name = "reproducer";
  single.model.format = "one node";
  return single;
}

std::vector<Tensor> run_model(Core& core, const Model& model, const std::string& device,
                              const std::vector<Tensor>& inputs) {
  InferRequest request = core.compile_model(model, device, {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    request.set_input_tensor(model.graph.inputs[i].name, inputs[i]);
  }
  request.infer();
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    const ConstTensorView view = request.output(i);
    outputs.push_back(Tensor(view.type, view.bytes, nullptr).clone());
  }
  return outputs;
}

/// As run_model; a device that cannot run the node gives its reason instead.
std::optional<std::vector<Tensor>> try_run(Core& core, const Model& model, const std::string& device,
                                           const std::vector<Tensor>& inputs, std::string& reason) {
  try {
    return run_model(core, model, device, inputs);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) {
      throw;
    }
    reason = fmt::format("{}: {}", device, error.what());
    return std::nullopt;
  }
}

/// Contents of a graph's values while its nodes run one after another.
class Values {
 public:
  Values(const Graph& graph, const ModelInputs& inputs) : graph_(graph), contents_(graph.values.size()) {
    for (std::size_t v = 0; v < graph.values.size(); ++v) {
      if (graph.values[v].constant) {
        contents_[v] = *graph.values[v].constant;
      }
    }
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      const ValueId id = graph.inputs[i].value;
      contents_[index(id)] = inputs.at(i).cast(graph.value(id).type.data_type);
    }
    uses_ = graph.use_counts();
  }

  [[nodiscard]] const Tensor& at(ValueId id) const { return contents_[index(id)]; }

  std::vector<Tensor> of(const std::vector<ValueId>& ids) const {
    std::vector<Tensor> result;
    for (const ValueId id : ids) {
      result.push_back(at(id));
    }
    return result;
  }

  std::vector<ConstTensorView> views(const Node& node) const {
    std::vector<ConstTensorView> result;
    for (const ValueId id : node.inputs) {
      result.push_back(id == kNone ? ConstTensorView{} : at(id).view());
    }
    return result;
  }

  void store(const Node& node, const std::vector<Tensor>& outputs) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      contents_[index(node.outputs[i])] = outputs[i];
    }
  }

  /// Memory goes with the last reader; constants and graph outputs stay.
  void release(const Node& node) {
    for (const ValueId id : node.inputs) {
      if (id != kNone && --uses_[index(id)] == 0 && graph_.value(id).producer != kNone) {
        contents_[index(id)] = {};
      }
    }
  }

 private:
  const Graph& graph_;
  std::vector<Tensor> contents_;
  std::vector<int> uses_;
};

double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) {
    return 0;
  }
  return std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : kInfinity;
}

/// Compares element by element; keeps the element that exceeds its bound most, else the largest error.
/// \param bounds  One for each element; empty: none known.
void judge(const Tensor& expected, const Tensor& actual, const std::vector<double>& bounds, NodeComparison& result) {
  if (expected.type() != actual.type()) {
    result.exceeded = true;
    result.error = kInfinity;
    result.type = to_string(expected.type()) + " and " + to_string(actual.type());
    return;
  }
  const std::vector<double> e = to_doubles(expected.view());
  const std::vector<double> a = to_doubles(actual.view());
  double worst = -kInfinity;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const double error = difference(e[i], a[i]);
    // The expected value was itself rounded to f32.
    const double bound = bounds.empty() ? kInfinity : bounds[i] + (bounds[i] > 0 ? kUnit * std::abs(e[i]) : 0);
    result.size = std::max(result.size, std::isfinite(e[i]) ? std::abs(e[i]) : 0);
    const bool exceeds = error > bound;
    const double badness = std::isinf(bound) ? error : error - bound;
    if ((exceeds && !result.exceeded) || (exceeds == result.exceeded && badness > worst)) {
      worst = badness;
      result.exceeded = exceeds;
      result.error = error;
      result.bound = bound;
      result.type = to_string(expected.type());
    }
  }
  if (result.type.empty()) {
    result.type = to_string(expected.type());
  }
}

double largest(const Tensor& tensor) {
  double result = 0;
  for (const double value : to_doubles(tensor.view())) {
    result = std::isfinite(value) ? std::max(result, std::abs(value)) : result;
  }
  return result;
}

/// Bounds for the node's first output, each for as many devices as round; empty: not derived.
std::vector<double> bounds_of(const Node& node, const Values& values, const Tensor& expected, double relative,
                              double sides) {
  if (relative > 0) {
    return std::vector<double>(expected.size(), relative * largest(expected));
  }
  auto bounds = rounding_bounds(node, values.views(node), expected.type(), to_doubles(expected.view()));
  if (!bounds) {
    return {};
  }
  for (double& bound : *bounds) {
    bound *= sides;
  }
  return *bounds;
}

std::map<std::string, double> compare_outputs(Core& core, const Model& a, const Model& b, const std::string& device_a,
                                              const std::string& device_b, const ModelInputs& inputs) {
  std::map<std::string, double> errors;
  std::string reason;  // the nodes have told it already
  const auto first = try_run(core, a, device_a, inputs, reason);
  const auto second = try_run(core, b, device_b, inputs, reason);
  if (!first || !second) {
    return errors;
  }
  for (std::size_t i = 0; i < first->size(); ++i) {
    const std::string& name = a.graph.outputs[i].name;
    // Formats order outputs differently; without a namesake the place must do.
    const auto namesake = std::ranges::find(b.graph.outputs, name, &GraphPort::name);
    const std::size_t other =
        namesake == b.graph.outputs.end() ? i : static_cast<std::size_t>(namesake - b.graph.outputs.begin());
    if (other < second->size()) {
      NodeComparison comparison;
      judge((*first)[i], (*second)[other], {}, comparison);
      errors[name] = comparison.error;
    }
  }
  return errors;
}

void find_first(DeviceComparison& comparison) {
  auto found =
      std::ranges::find_if(comparison.nodes, [](const NodeComparison& node) { return node.exceeded && !node.healed; });
  if (found == comparison.nodes.end()) {
    found = std::ranges::find(comparison.nodes, true, &NodeComparison::exceeded);
  }
  comparison.first_exceeded = static_cast<std::size_t>(found - comparison.nodes.begin());
}

/// Marks nodes that differ while all that is computed from them agrees, each path up to the next value both models
/// have. Without a bound, half of the digits of f32 must be the same.
void mark_healed(const Graph& graph, DeviceComparison& comparison) {
  const double half_the_digits = std::sqrt(kUnit);
  std::map<std::string, NodeComparison*> compared;
  for (NodeComparison& node : comparison.nodes) {
    compared[node.node] = &node;
  }
  std::vector<bool> read(graph.values.size(), false);   // by a node
  std::vector<bool> agrees(graph.values.size(), true);  // all readers seen so far do
  for (const GraphPort& port : graph.outputs) {
    agrees[index(port.value)] = false;  // nothing behind it could
  }
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const ValueId output = node->outputs[0];
    bool fine = read[index(output)] && agrees[index(output)];
    if (const auto found = compared.find(graph.value(output).name); found != compared.end()) {
      NodeComparison& result = *found->second;
      result.healed = result.exceeded && fine;
      const bool alike = std::isinf(result.bound) ? result.error <= half_the_digits * result.size : !result.exceeded;
      fine = alike || result.healed;
    }
    for (const ValueId input : node->inputs) {
      if (input != kNone) {
        read[index(input)] = true;
        agrees[index(input)] = agrees[index(input)] && fine;
      }
    }
  }
}

/// All values of a model as one device computes them, and how far rounding may have carried each.
struct Trace {
  struct Entry {
    std::string op;
    Tensor content;
    double bound = kInfinity;
  };
  std::vector<std::pair<std::string, Entry>> entries;  ///< First outputs by name, in order.

  [[nodiscard]] const Entry* find(const std::string& name) const {
    const auto found = std::ranges::find(entries, name, &std::pair<std::string, Entry>::first);
    return found == entries.end() ? nullptr : &found->second;
  }
};

double propagated(const Node& node, const Values& values, const std::vector<double>& errors, const Tensor& output) {
  const auto local = rounding_bounds(node, values.views(node), output.type(), to_doubles(output.view()));
  if (!local) {
    return kInfinity;
  }
  double incoming = 0;
  for (const ValueId id : node.inputs) {
    incoming += id == kNone ? 0 : errors[index(id)];
  }
  const double rounding = local->empty() ? 0 : *std::ranges::max_element(*local);
  if (incoming == 0) {
    return rounding;
  }
  // Errors of weights are not amplified by weights: those of constants are 0, others have no bound here.
  const bool weighs = node.op->name == "MatMul" || node.op->name.find("Convolution") != std::string_view::npos;
  if (weighs && errors[index(node.inputs[1])] > 0) {
    return kInfinity;
  }
  return rounding + incoming * amplification(node, values.views(node), output.type());
}

Trace trace(Core& core, const Model& model, const std::string& device, const ModelInputs& inputs, bool with_bounds) {
  const Graph graph = prepared(model.graph);
  Values values(graph, inputs);
  std::vector<double> errors(graph.values.size(), 0);
  Trace result;
  for (const Node& node : graph.nodes) {
    const SingleNode single = single_node(graph, node);
    const std::vector<Tensor> outputs = run_model(core, single.model, device, values.of(single.inputs));
    const double bound = with_bounds ? propagated(node, values, errors, outputs[0]) : 0;
    for (const ValueId output : node.outputs) {
      errors[index(output)] = bound;
    }
    result.entries.push_back({graph.value(node.outputs[0]).name, {std::string(node.op->name), outputs[0], bound}});
    values.store(node, outputs);
    values.release(node);
  }
  return result;
}

}  // namespace

ModelInputs random_inputs(const Graph& graph, std::uint32_t seed) {
  check_static_inputs(graph);
  ModelInputs inputs;
  std::mt19937 random(seed);
  for (const GraphPort& port : graph.inputs) {
    const TensorType& type = graph.value(port.value).type;
    std::vector<double> values(element_count(type.shape));
    for (double& value : values) {
      value = is_float(type.data_type) ? static_cast<double>(random() % 65536) / 32768 - 1
                                       : static_cast<double>(random() % 10);
    }
    Tensor tensor(type);
    store(tensor.mutable_view(), values);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

DeviceComparison compare_devices(Core& core, const Model& model, const std::string& a, const std::string& b,
                                 const ModelInputs& inputs, double relative, const std::filesystem::path& reproducer) {
  const Graph graph = prepared(model.graph);
  Values values(graph, inputs);
  DeviceComparison comparison;
  bool written = reproducer.empty();
  const double sides = a == "REFERENCE" || b == "REFERENCE" ? 1 : 2;
  for (const Node& node : graph.nodes) {
    const SingleNode single = single_node(graph, node);
    const std::vector<Tensor> node_inputs = values.of(single.inputs);
    NodeComparison result{.node = node.name, .op = std::string(node.op->name), .type = {}, .not_run = {}};
    const auto first = try_run(core, single.model, a, node_inputs, result.not_run);
    const auto second = try_run(core, single.model, b, node_inputs, result.not_run);
    if (!first && !second) {
      fail(ErrorCode::kUnsupported, "node '{}' ({}) runs neither on {} nor on {}: {}", node.name, node.op->name, a, b,
           result.not_run);
    }
    if (first && second) {
      for (std::size_t i = 0; i < first->size(); ++i) {
        const std::vector<double> bounds =
            i == 0 ? bounds_of(node, values, (*first)[0], relative, sides) : std::vector<double>();
        judge((*first)[i], (*second)[i], bounds, result);
      }
    }
    if (result.exceeded && !written) {
      write_reproducer(reproducer, single.model, node_inputs, (*first)[0], (*second)[0]);
      written = true;
    }
    comparison.nodes.push_back(std::move(result));
    values.store(node, first ? *first : *second);
    values.release(node);
  }
  find_first(comparison);
  comparison.output_errors = compare_outputs(core, model, model, a, b, inputs);
  return comparison;
}

DeviceComparison compare_models(Core& core, const Model& a, const Model& b, const std::string& device_a,
                                const std::string& device_b, const ModelInputs& inputs, double relative) {
  const Trace first = trace(core, a, device_a, inputs, relative <= 0);
  const Trace second = trace(core, b, device_b, inputs, false);
  DeviceComparison comparison;
  for (const auto& [name, entry] : first.entries) {
    const Trace::Entry* other = second.find(name);
    if (other == nullptr || other->content.type() != entry.content.type()) {
      continue;
    }
    NodeComparison result{.node = name, .op = entry.op, .type = {}, .not_run = {}};
    const double bound = relative > 0 ? relative * largest(entry.content) : 2 * entry.bound;
    // A bound beyond the values themselves says nothing.
    const bool useful = bound <= largest(entry.content) || relative > 0 || largest(entry.content) == 0;
    judge(entry.content, other->content,
          useful ? std::vector<double>(entry.content.size(), bound) : std::vector<double>(), result);
    comparison.nodes.push_back(std::move(result));
  }
  mark_healed(prepared(a.graph), comparison);
  find_first(comparison);
  comparison.output_errors = compare_outputs(core, a, b, device_a, device_b, inputs);
  return comparison;
}

void write_reproducer(const std::filesystem::path& directory, const Model& single, const std::vector<Tensor>& inputs,
                      const Tensor& expected, const Tensor& actual) {
  std::filesystem::create_directories(directory);
  write_openvino_ir(single, directory / "reproducer.xml");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::string name = single.graph.inputs[i].name;
    std::ranges::replace_if(
        name, [](char c) { return c == '/' || c == ':'; }, '_');
    write_npy(directory / (name + ".npy"), inputs[i].view());
  }
  write_npy(directory / "expected.npy", expected.view());
  write_npy(directory / "actual.npy", actual.view());
}

}  // namespace fovea::tools
