#include "tools/inspect/figures.hpp"

#include <algorithm>

#include "engine/ops/mat_mul.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/passes/edit.hpp"
#include "engine/runtime/memory_plan.hpp"

namespace fovea::tools {
namespace {

double product(const Shape& shape, std::size_t first = 0) {
  double result = 1;
  for (std::size_t i = first; i < shape.size(); ++i) {
    result *= static_cast<double>(shape[i]);
  }
  return result;
}

/// Weights that make up one output element of a convolution, or that one input element of a transposed one meets.
double taps(const Node& node, const Shape& weights) {
  return product(weights, node.op->name.starts_with("Group") ? 2 : 1);
}

double mat_mul_depth(const Node& node, const Shape& a) {
  const bool swapped = node.attrs<ops::MatMulAttributes>().transpose_a && a.size() > 1;
  return a.empty() ? 1 : static_cast<double>(a[a.size() - (swapped ? 2 : 1)]);
}

/// Plain buffers: every tensor that is no constant, from its producer to its last reader.
std::optional<MemoryPlan> memory_plan(const Graph& graph) {
  std::vector<BufferUse> buffers(graph.values.size());
  const int last_step = static_cast<int>(graph.nodes.size());
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    if (value.constant) {
      continue;
    }
    if (!is_static(value.type.shape)) {
      return std::nullopt;
    }
    const int first = value.producer == kNone ? 0 : value.producer;
    buffers[v] = {.bytes = byte_size(value.type), .first = first, .last = first};
  }
  for (int n = 0; n < last_step; ++n) {
    for (const ValueId input : graph.node(n).inputs) {
      if (input != kNone) {
        buffers[static_cast<std::size_t>(input)].last = n;
      }
    }
  }
  for (const GraphPort& port : graph.outputs) {
    buffers[static_cast<std::size_t>(port.value)].last = last_step;
  }
  std::erase_if(buffers, [](const BufferUse& use) { return use.bytes == 0; });
  return plan_memory(buffers);
}

/// A convolution or matrix product of values that FakeQuantize brought onto the steps of 8 bit or fewer.
bool reads_quantised(const Graph& graph, const Node& node) {
  const bool multiplies = node.op->name.find("Convolution") != std::string_view::npos || node.op->name == "MatMul";
  const NodeId producer = multiplies && node.inputs[0] != kNone ? graph.value(node.inputs[0]).producer : NodeId{kNone};
  return producer != kNone && graph.node(producer).op->name == "FakeQuantize";
}

}  // namespace

std::optional<double> node_operations(const Graph& graph, const Node& node) {
  for (const auto* values : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *values) {
      if (id != kNone && !is_static(graph.value(id).type.shape)) {
        return std::nullopt;
      }
    }
  }
  if (node.inputs.empty() || node.outputs.empty() || node.inputs[0] == kNone) {
    return 0;
  }
  const std::string_view name = node.op->name;
  const Shape& data = graph.value(node.inputs[0]).type.shape;
  const Shape& output = graph.value(node.outputs[0]).type.shape;
  if (name == "Convolution" || name == "GroupConvolution") {
    return 2 * product(output) * taps(node, graph.value(node.inputs[1]).type.shape);
  }
  if (name == "ConvolutionBackpropData" || name == "GroupConvolutionBackpropData") {
    return 2 * product(data) * taps(node, graph.value(node.inputs[1]).type.shape);
  }
  if (name == "MatMul") {
    return 2 * product(output) * mat_mul_depth(node, data);
  }
  if (name == "MaxPool" || name == "AvgPool") {
    return product(output) * product(node.attrs<ops::PoolAttributes>().kernel);
  }
  if (name.starts_with("Reduce")) {
    return product(data);
  }
  if (name == "BatchNormInference") {
    return 2 * product(output);
  }
  return is_unary_elementwise(node) || is_binary_elementwise(node) ? product(output) : 0;
}

ModelFigures model_figures(const Graph& graph) {
  ModelFigures figures;
  for (const Node& node : graph.nodes) {
    const std::string op(node.op->name);
    ++figures.operators[op];
    if (!node.outputs.empty()) {
      ++figures.nodes_by_precision[std::string(to_string(graph.value(node.outputs[0]).type.data_type))];
    }
    const std::optional<double> operations = node_operations(graph, node);
    figures.unknown_nodes += operations ? 0 : 1;
    if (operations.value_or(0) > 0) {
      figures.operations += *operations;
      figures.operations_by_type[op] += *operations;
      figures.quantised_operations += reads_quantised(graph, node) ? *operations : 0;
    }
  }
  for (const Value& value : graph.values) {
    if (value.constant) {
      const DataType type = value.type.data_type;
      figures.weight_bytes[std::string(to_string(type))] += byte_size(value.type);
      figures.parameters += is_float(type) || size_of(type) == 1 ? value.constant->size() : 0;
    }
  }
  if (const auto plan = memory_plan(graph)) {
    figures.peak_bytes = plan->lower_bound_bytes;
    figures.arena_bytes = plan->arena_bytes;
  }
  return figures;
}

}  // namespace fovea::tools
