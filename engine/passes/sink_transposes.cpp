// Transposes meet their inverses: moved down through what does not care about the order of axes, then cancelled.
#include <algorithm>
#include <numeric>

#include "engine/ops/concat.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

using Order = std::vector<std::size_t>;

Order inverse(const Order& order) {
  Order result(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    result[order[i]] = i;
  }
  return result;
}

class Sinking {
 public:
  explicit Sinking(Graph& graph) : graph_(graph) {}

  bool step() {
    const std::vector<int> uses = graph_.use_counts();
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto id = static_cast<NodeId>(n);
      if (combine(id) || sink_through(id, uses)) {
        return true;
      }
    }
    return false;
  }

 private:
  /// The order of the Transpose that computes the value; nullopt when none does.
  [[nodiscard]] std::optional<Order> order_of(ValueId value) const {
    const NodeId producer = value == kNone ? kNone : graph_.value(value).producer;
    return producer == kNone ? std::nullopt : transpose_order(graph_, graph_.node(producer));
  }

  [[nodiscard]] ValueId behind_transpose(ValueId value) const {
    return graph_.node(graph_.value(value).producer).inputs[0];
  }

  ValueId order_constant(const std::string& name, const Order& order) {
    const std::vector<std::int64_t> values(order.begin(), order.end());
    return add_named_constant(graph_, name + "/order", Tensor::of({static_cast<std::int64_t>(values.size())}, values));
  }

  /// Transpose → Transpose: one, or none.
  bool combine(NodeId id) {
    const auto second = transpose_order(graph_, graph_.node(id));
    const auto first = second ? order_of(graph_.node(id).inputs[0]) : std::nullopt;
    if (!first) {
      return false;
    }
    const ValueId source = behind_transpose(graph_.node(id).inputs[0]);
    Order both;
    for (const std::size_t axis : *second) {
      both.push_back((*first)[axis]);
    }
    if (std::ranges::is_sorted(both)) {
      Node& node = graph_.node(id);
      graph_.replace_uses(node.outputs[0], source);
      std::ranges::fill(node.inputs, kNone);
      return true;
    }
    const ValueId constant = order_constant(graph_.node(id).name, both);
    graph_.node(id).inputs = {source, constant};
    return true;
  }

  /// The inputs as they are before a transposition by `order` that all of them share; nullopt when they do not.
  std::optional<std::vector<ValueId>> inputs_before(NodeId id, const Order& order, const std::vector<int>& uses) {
    std::vector<ValueId> inputs;
    const Node node = graph_.node(id);
    for (const ValueId input : node.inputs) {
      const auto own = order_of(input);
      if (own && *own == order) {
        const auto count = std::ranges::count(node.inputs, input);
        if (uses[static_cast<std::size_t>(input)] != count) {
          return std::nullopt;
        }
        inputs.push_back(behind_transpose(input));
      } else if (const Tensor* constant = graph_.constant(input)) {
        if (constant->shape().size() > order.size()) {
          return std::nullopt;
        }
        Shape shape(order.size() - constant->shape().size(), 1);
        shape.insert(shape.end(), constant->shape().begin(), constant->shape().end());
        const Tensor moved = permuted(constant->reshaped(shape), inverse(order));
        inputs.push_back(add_named_constant(graph_, graph_.value(input).name + "/transposed", moved));
      } else {
        return std::nullopt;
      }
    }
    return inputs;
  }

  /// Transpose → element-wise or Concat: the other way round.
  bool sink_through(NodeId id, const std::vector<int>& uses) {
    const bool concat = graph_.node(id).op->name == "Concat" && graph_.node(id).post_ops.empty();
    if (!concat && !is_unary_elementwise(graph_.node(id)) && !is_binary_elementwise(graph_.node(id))) {
      return false;
    }
    std::optional<Order> order;
    for (const ValueId input : graph_.node(id).inputs) {
      order = order ? order : order_of(input);
    }
    const ValueId output = graph_.node(id).outputs[0];
    if (!order || graph_.value(output).type.shape.size() != order->size()) {
      return false;
    }
    auto inputs = inputs_before(id, *order, uses);
    if (!inputs) {
      return false;
    }
    Node& node = graph_.node(id);
    node.inputs = std::move(*inputs);
    if (concat) {
      auto attributes = node.attrs<ops::ConcatAttributes>();
      attributes.axis = static_cast<std::int64_t>((*order)[ops::normalize_axis(attributes.axis, order->size())]);
      node.attributes = attributes;
    }
    const TensorType type = graph_.value(output).type;
    const ValueId constant = order_constant(graph_.value(output).name, *order);
    append_behind(graph_, "Transpose", output, {output, constant});
    const Order back = inverse(*order);
    for (std::size_t i = 0; i < back.size(); ++i) {
      graph_.value(output).type.shape[i] = type.shape[back[i]];
    }
    restore_order(graph_);
    return true;
  }

  Graph& graph_;
};

std::size_t transposes(const Graph& graph) {
  return static_cast<std::size_t>(
      std::ranges::count_if(graph.nodes, [](const Node& node) { return node.op->name == "Transpose"; }));
}

}  // namespace

bool sink_transposes(Graph& graph) {
  const std::size_t before = transposes(graph);
  if (before < 2) {
    return false;
  }
  Graph trial = graph;
  Sinking sinking(trial);
  bool changed = false;
  // Each step takes a Transpose away or moves one past a node; the product bounds them.
  for (std::size_t left = (before + 1) * (graph.nodes.size() + 1); left > 0 && sinking.step(); --left) {
    trial.compact();
    changed = true;
  }
  if (!changed || transposes(trial) >= before) {
    return false;
  }
  graph = std::move(trial);
  return true;
}

}  // namespace fovea
