#include "engine/passes/edit.hpp"

#include <algorithm>
#include <array>
#include <queue>

#include "engine/ops/binary.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

}  // namespace

ValueId append_node(Graph& graph, std::string_view op, const std::string& name, std::vector<ValueId> inputs,
                    TensorType type) {
  const OpDef* definition = find_op(op);
  if (definition == nullptr) {
    fail(ErrorCode::kInternal, "no operator {}", op);
  }
  Node node;
  node.op = definition;
  node.name = graph.unique_value_name(name);
  node.inputs = std::move(inputs);
  if (definition->attributes.defaults != nullptr) {
    node.attributes = definition->attributes.defaults();
  }
  const NodeId id = graph.add_node(std::move(node), {std::move(type)});
  return graph.node(id).outputs[0];
}

ValueId append_behind(Graph& graph, std::string_view op, ValueId value, std::vector<ValueId> inputs) {
  TensorType type = graph.value(value).type;
  const std::string name = graph.value(value).name + "/fused";
  const ValueId result = append_node(graph, op, name, {}, std::move(type));
  graph.replace_uses(value, result);
  graph.nodes.back().inputs = std::move(inputs);
  swap_names(graph, value, result);
  return result;
}

ValueId add_named_constant(Graph& graph, const std::string& name, Tensor tensor) {
  return graph.add_constant(graph.unique_value_name(name), std::move(tensor));
}

void swap_names(Graph& graph, ValueId a, ValueId b) {
  std::swap(graph.value(a).name, graph.value(b).name);
  const NodeId first = graph.value(a).producer;
  const NodeId second = graph.value(b).producer;
  if (first != kNone && second != kNone) {
    std::swap(graph.node(first).name, graph.node(second).name);
  }
}

void bypass(Graph& graph, ValueId value, ValueId other) {
  Node& dead = graph.node(graph.value(value).producer);
  graph.replace_uses(value, other);
  swap_names(graph, value, other);
  // What nobody needs must not count as a reader of its inputs.
  std::ranges::fill(dead.inputs, kNone);
}

void restore_order(Graph& graph) {
  std::vector<int> missing(graph.nodes.size(), 0);
  const std::vector<std::vector<NodeId>> readers = readers_of(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId input : graph.nodes[n].inputs) {
      missing[n] += input != kNone && graph.value(input).producer != kNone ? 1 : 0;
    }
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t n = 0; n < missing.size(); ++n) {
    if (missing[n] == 0) {
      ready.push(n);
    }
  }
  std::vector<Node> ordered;
  while (!ready.empty()) {
    Node& node = graph.nodes[ready.top()];
    ready.pop();
    for (const ValueId output : node.outputs) {
      graph.value(output).producer = static_cast<NodeId>(ordered.size());
      for (const NodeId reader : readers[index(output)]) {
        if (--missing[index(reader)] == 0) {
          ready.push(index(reader));
        }
      }
    }
    ordered.push_back(std::move(node));
  }
  if (ordered.size() != missing.size()) {
    fail(ErrorCode::kInternal, "the graph has a cycle");
  }
  graph.nodes = std::move(ordered);
}

std::vector<std::vector<NodeId>> readers_of(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.values.size());
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId input : graph.nodes[n].inputs) {
      if (input != kNone) {
        readers[index(input)].push_back(static_cast<NodeId>(n));
      }
    }
  }
  return readers;
}

bool is_output(const Graph& graph, ValueId value) {
  return std::ranges::find(graph.outputs, value, &GraphPort::value) != graph.outputs.end();
}

bool is_unary_elementwise(const Node& node) {
  return node.op->as_post_op != nullptr && node.inputs.size() == 1 && node.outputs.size() == 1 && node.post_ops.empty();
}

bool is_binary_elementwise(const Node& node) {
  static constexpr std::array<std::string_view, 6> kNames = {"Add",    "Subtract", "Multiply",
                                                             "Divide", "Maximum",  "Minimum"};
  return std::ranges::find(kNames, node.op->name) != kNames.end() && node.inputs.size() == 2 &&
         node.inputs[0] != kNone && node.inputs[1] != kNone && node.post_ops.empty() &&
         ops::broadcasts_like_numpy(node);
}

std::optional<std::vector<std::size_t>> transpose_order(const Graph& graph, const Node& node) {
  if (node.op->name != "Transpose" || node.inputs.size() != 2 || node.inputs[0] == kNone || !node.post_ops.empty()) {
    return std::nullopt;
  }
  const Tensor* order = graph.constant(node.inputs[1]);
  const std::size_t rank = graph.value(node.inputs[0]).type.shape.size();
  if (order == nullptr || (order->size() != rank && order->size() != 0)) {
    return std::nullopt;
  }
  std::vector<std::size_t> axes = ops::normalize_axes(to_ints(order->view()), rank, "order");
  for (std::size_t i = axes.size(); i < rank; ++i) {
    axes.push_back(rank - 1 - i);  // an empty order reverses
  }
  return axes;
}

Tensor permuted(const Tensor& tensor, const std::vector<std::size_t>& order) {
  const Shape strides = row_major_strides(tensor.shape());
  Shape shape;
  Shape moved;
  for (const std::size_t axis : order) {
    shape.push_back(tensor.shape().at(axis));
    moved.push_back(strides.at(axis));
  }
  Tensor result(tensor.data_type(), shape);
  ops::move_elements(tensor.view(), result.mutable_view(),
                     [&](const Shape& place) { return ops::flat_index(place, moved); });
  return result;
}

std::optional<std::vector<float>> channel_values(const Graph& graph, ValueId value, const Shape& shape) {
  const Tensor* constant = graph.constant(value);
  if (constant == nullptr || constant->data_type() != DataType::kF32 || shape.size() < 2 || shape[1] < 1 ||
      constant->shape().size() > shape.size()) {
    return std::nullopt;
  }
  const auto channels = static_cast<std::size_t>(shape[1]);
  const auto data = constant->data<float>();
  if (data.size() == 1) {
    return std::vector<float>(channels, data[0]);
  }
  const std::size_t lead = shape.size() - constant->shape().size();
  for (std::size_t i = 0; i < constant->shape().size(); ++i) {
    if (constant->shape()[i] != (lead + i == 1 ? shape[1] : 1)) {
      return std::nullopt;
    }
  }
  return data.size() == channels ? std::optional(std::vector<float>(data.begin(), data.end())) : std::nullopt;
}

std::optional<ChannelOperand> channel_operand(const Graph& graph, const Node& node, std::string_view op) {
  if (node.op->name != op || !is_binary_elementwise(node)) {
    return std::nullopt;
  }
  const TensorType& type = graph.value(node.outputs[0]).type;
  for (const std::size_t side : {std::size_t{1}, std::size_t{0}}) {
    const ValueId input = node.inputs[1 - side];
    auto values = channel_values(graph, node.inputs[side], type.shape);
    if (values && !graph.is_constant(input) && graph.value(input).type == type) {
      return ChannelOperand{input, std::move(*values)};
    }
  }
  return std::nullopt;
}

Tensor channel_tensor(const std::vector<float>& values, std::size_t rank) {
  Shape shape(rank, 1);
  shape.at(1) = static_cast<std::int64_t>(values.size());
  return Tensor::of(shape, values);
}

}  // namespace fovea
