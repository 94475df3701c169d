#include "tools/convert/convert_model.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/ops/shape_inference.hpp"
#include "engine/passes/channels.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"
#include "tools/convert/arguments.hpp"
#include "tools/convert/cut.hpp"
#include "tools/convert/preprocessing.hpp"

namespace fovea::tools {
namespace {

void change_shapes(Graph& graph, std::string_view text, std::vector<std::string>& changes) {
  std::map<std::string, Shape> shapes;
  std::size_t next = 0;
  for (const PortArgument& argument : parse_port_arguments(text, "--input-shape")) {
    const std::size_t port = argument.name.empty() ? next++ : find_port(graph.inputs, argument.name, "input");
    if (port >= graph.inputs.size()) {
      fail(ErrorCode::kInvalidArgument, "--input-shape: more shapes than the {} inputs", graph.inputs.size());
    }
    shapes[graph.inputs[port].name] = shape_of(argument, "--input-shape");
  }
  reshape(graph, shapes);
  for (const auto& [name, shape] : shapes) {
    changes.push_back(fmt::format("input '{}' has the shape {}", name, to_string(shape)));
  }
}

void change_batch(Graph& graph, std::int64_t batch, std::vector<std::string>& changes) {
  if (batch < 1) {
    fail(ErrorCode::kInvalidArgument, "--batch: {}, expected 1 or more", batch);
  }
  std::map<std::string, Shape> shapes;
  for (const GraphPort& port : graph.inputs) {
    Shape shape = graph.value(port.value).type.shape;
    const std::size_t n = port.layout.find('N');
    const std::size_t axis = n == std::string::npos ? 0 : n;
    if (axis < shape.size()) {
      shape[axis] = batch;
      shapes[port.name] = std::move(shape);
    }
  }
  reshape(graph, shapes);
  changes.push_back(fmt::format("batch {}", batch));
  for (const GraphPort& port : graph.outputs) {
    const Shape& shape = graph.value(port.value).type.shape;
    if (shape.empty() || (shape[0] != batch && shape[0] != kDynamic)) {
      changes.push_back(fmt::format("note: output '{}' is {}, whose first extent does not follow the batch", port.name,
                                    to_string(shape)));
    }
  }
}

std::set<std::string> node_names(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    names.insert(fmt::format("{} ({})", node.name, node.op->name));
  }
  return names;
}

std::vector<std::string> difference(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> result;
  std::ranges::set_difference(a, b, std::back_inserter(result));
  return result;
}

void run_passes(Graph& graph, const ConvertProgress& progress, std::vector<PassReport>& reports) {
  for (const Pass& pass : portable_passes()) {
    progress(pass.name);
    const std::set<std::string> before = node_names(graph);
    if (!pass.run(graph)) {
      continue;
    }
    graph.compact();
    verify(graph);
    const std::set<std::string> after = node_names(graph);
    reports.push_back({.pass = std::string(pass.name),
                       .effect = std::string(pass.effect),
                       .gone = difference(before, after),
                       .came = difference(after, before)});
  }
}

/// Outputs keep values of their own: files name tensors, and a tensor that is an input, a constant or another output at
/// the same time would lose a name.
void separate_outputs(Graph& graph) {
  std::set<ValueId> taken;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId value = graph.outputs[i].value;
    if (graph.value(value).producer != kNone && taken.insert(value).second) {
      continue;
    }
    const TensorType type = graph.value(value).type;
    std::vector<std::int64_t> same_order(type.shape.size());
    std::iota(same_order.begin(), same_order.end(), 0);
    const std::string& name = graph.outputs[i].name;
    const ValueId order = add_named_constant(graph, name + "/order",
                                             Tensor::of({static_cast<std::int64_t>(same_order.size())}, same_order));
    const ValueId own = append_node(graph, "Transpose", name, {value, order}, type);
    graph.outputs[i].value = own;
  }
}

/// Why preprocessing that was to go into weights did not.
std::string reason_for(const Graph& graph, const Node& node) {
  const auto readers = readers_of(graph);
  ValueId value = node.outputs[0];
  for (const Node& reader : graph.nodes) {
    if (std::ranges::find(reader.inputs, value) == reader.inputs.end()) {
      continue;
    }
    if (readers[static_cast<std::size_t>(value)].size() > 1) {
      return "several nodes read it";
    }
    if (is_convolution(reader)) {
      return fmt::format("convolution '{}' pads with zeros, which the preprocessing would have to pad too",
                         reader.name);
    }
    if (!channel_operand(graph, reader, "Add") && !channel_operand(graph, reader, "Multiply")) {
      return fmt::format("'{}' ({}) behind it is no convolution with constant weights", reader.name, reader.op->name);
    }
    value = reader.outputs[0];
  }
  return "no convolution follows";
}

void tell_fate(const Graph& graph, const std::vector<AddedNode>& added, ConvertReport& report) {
  for (const AddedNode& node : added) {
    // Names follow contents when nodes change places; the operator says which of the added ones it is.
    const auto found = std::ranges::find_if(graph.nodes, [&](const Node& candidate) {
      return candidate.op->name == node.op && std::ranges::any_of(added, [&](const AddedNode& other) {
               return other.input == node.input && other.name == candidate.name;
             });
    });
    if (found == graph.nodes.end()) {
      report.changes.push_back(fmt::format("input '{}': {} went into the weights", node.input, node.what));
    } else {
      report.kept.push_back(fmt::format("input '{}': {} stays a node ({}): {}", node.input, node.what, found->name,
                                        reason_for(graph, *found)));
    }
  }
}

/// What is done inside the model must not be done before it again: model_info goes before what the file said so far.
void note_preprocessing(const ConvertRequest& request, std::map<std::string, std::string>& metadata) {
  if (!request.mean_values.empty()) {
    metadata["model_info/mean_values"] = "0";
  }
  if (!request.scale_values.empty()) {
    metadata["model_info/scale_values"] = "1";
  }
  if (request.reverse_input_channels) {
    metadata["model_info/reverse_input_channels"] = "False";
  }
}

}  // namespace

std::size_t weight_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const Value& value : graph.values) {
    bytes += value.constant ? byte_size(value.type) : 0;
  }
  return bytes;
}

ConvertReport convert_model(Model& model, const ConvertRequest& request, const ConvertProgress& progress) {
  Graph& graph = model.graph;
  ConvertReport report;
  report.nodes_before = graph.nodes.size();
  report.weight_bytes_before = weight_bytes(graph);
  progress("inputs and outputs");
  if (!request.output.empty()) {
    choose_outputs(graph, request.output, report.changes);
  }
  if (!request.input.empty()) {
    choose_inputs(graph, request.input, report.changes);
  }
  if (!request.input_shape.empty()) {
    change_shapes(graph, request.input_shape, report.changes);
  }
  if (request.batch != 0) {
    change_batch(graph, request.batch, report.changes);
  }
  if (!request.layout.empty()) {
    apply_layouts(graph, request.layout, report.changes);
  }
  std::vector<AddedNode> added;
  if (request.reverse_input_channels || !request.mean_values.empty() || !request.scale_values.empty()) {
    added = apply_channels(graph, request.mean_values, request.scale_values, request.reverse_input_channels,
                           report.changes);
    note_preprocessing(request, model.metadata);
  }
  verify(graph);
  if (request.simplify) {
    run_passes(graph, progress, report.passes);
    tell_fate(graph, added, report);
  }
  separate_outputs(graph);
  graph.compact();
  verify(graph);
  infer_shapes(graph);
  report.nodes_after = graph.nodes.size();
  return report;
}

}  // namespace fovea::tools
