// A reordering of channels (RGB ↔ BGR) disappears into the weights of the convolutions behind it.
#include <algorithm>

#include "engine/ops/shapes.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

/// result[i] = input[order[i]] along axis 1: the order of a Gather that permutes the channels; empty for other nodes.
std::vector<std::size_t> channel_order(const Graph& graph, const Node& node) {
  if (node.op->name != "Gather" || node.inputs.size() != 3 || !node.post_ops.empty()) {
    return {};
  }
  const Tensor* indices = graph.constant(node.inputs[1]);
  const Tensor* axis = graph.constant(node.inputs[2]);
  const Shape& shape = graph.value(node.inputs[0]).type.shape;
  if (indices == nullptr || axis == nullptr || axis->size() != 1 || indices->shape().size() != 1 || shape.size() < 3 ||
      ops::normalize_axis(to_ints(axis->view())[0], shape.size()) != 1 || indices->shape()[0] != shape[1]) {
    return {};
  }
  std::vector<std::size_t> order;
  for (const std::int64_t i : to_ints(indices->view())) {
    if (i < 0 || i >= shape[1] || std::ranges::find(order, static_cast<std::size_t>(i)) != order.end()) {
      return {};
    }
    order.push_back(static_cast<std::size_t>(i));
  }
  return order;
}

/// Values that stand at places of the reordered channels, at the places of the original ones.
std::vector<float> before_order(const std::vector<float>& values, const std::vector<std::size_t>& order) {
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    result[order[i]] = values[i];
  }
  return result;
}

/// Gather → Add or Multiply with a constant per channel: the arithmetic comes first.
bool move_behind(Graph& graph, NodeId gather_id, NodeId reader, const std::vector<std::size_t>& order) {
  for (const std::string_view op : {"Add", "Multiply"}) {
    const auto operand = channel_operand(graph, graph.node(reader), op);
    if (!operand || operand->input != graph.node(gather_id).outputs[0]) {
      continue;
    }
    Node& gather = graph.node(gather_id);
    Node& arithmetic = graph.node(reader);
    const ValueId data = gather.inputs[0];
    const ValueId reordered = gather.outputs[0];
    const ValueId output = arithmetic.outputs[0];
    const std::size_t rank = graph.value(output).type.shape.size();
    arithmetic.inputs = {data, add_named_constant(graph, arithmetic.name + "/operand",
                                                  channel_tensor(before_order(operand->values, order), rank))};
    graph.replace_uses(output, reordered);
    graph.node(gather_id).inputs[0] = output;
    swap_names(graph, output, reordered);
    return true;
  }
  return false;
}

/// The convolution reads the channels as they were.
void absorb(Graph& graph, NodeId gather_id, NodeId reader, const std::vector<std::size_t>& order) {
  Node& convolution = graph.node(reader);
  const Tensor& weights = *graph.constant(convolution.inputs[1]);
  Tensor reordered = weights.clone();
  const auto outputs = static_cast<std::size_t>(weights.shape()[0]);
  const std::size_t kernel = weights.size() / outputs / order.size();
  const auto from = weights.data<float>();
  const auto to = reordered.data<float>();
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::ranges::copy(from.subspan((o * order.size() + i) * kernel, kernel),
                        to.subspan((o * order.size() + order[i]) * kernel, kernel).begin());
    }
  }
  const ValueId constant = add_named_constant(graph, convolution.name + "/weights", std::move(reordered));
  convolution.inputs[1] = constant;
  convolution.inputs[0] = graph.node(gather_id).inputs[0];
}

bool takes_order(const Graph& graph, const Node& node, ValueId value) {
  const Tensor* weights = node.op->name == "Convolution" ? graph.constant(node.inputs[1]) : nullptr;
  return weights != nullptr && weights->data_type() == DataType::kF32 && weights->size() > 0 &&
         node.inputs[0] == value && node.inputs[1] != value;
}

bool step(Graph& graph) {
  const auto readers = readers_of(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const std::vector<std::size_t> order = channel_order(graph, graph.nodes[n]);
    const ValueId value = graph.nodes[n].outputs[0];
    const std::vector<NodeId>& all = readers[static_cast<std::size_t>(value)];
    if (order.empty() || all.empty() || is_output(graph, value)) {
      continue;
    }
    const auto id = static_cast<NodeId>(n);
    if (std::ranges::all_of(all, [&](NodeId reader) { return takes_order(graph, graph.node(reader), value); })) {
      for (const NodeId reader : all) {
        absorb(graph, id, reader, order);
      }
      return true;
    }
    if (all.size() == 1 && move_behind(graph, id, all[0], order)) {
      restore_order(graph);
      return true;
    }
  }
  return false;
}

}  // namespace

bool fuse_channel_order(Graph& graph) {
  // Moving a Gather down only pays where a convolution takes it in at the end: tried on a copy.
  Graph trial = graph;
  bool changed = false;
  while (step(trial)) {
    trial.compact();
    changed = true;
  }
  const auto gathers = [](const Graph& g) {
    return std::ranges::count_if(g.nodes, [](const Node& node) { return node.op->name == "Gather"; });
  };
  if (!changed || gathers(trial) >= gathers(graph)) {
    return false;
  }
  graph = std::move(trial);
  return true;
}

}  // namespace fovea
