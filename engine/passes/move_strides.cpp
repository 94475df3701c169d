// A 1x1 convolution with strides throws most of its input away: what computes that input need not compute it.
#include <algorithm>
#include <set>

#include "engine/ops/spatial.hpp"
#include "engine/passes/channels.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

using Strides = std::vector<std::int64_t>;

Shape spatial(const Shape& shape, std::size_t first) {
  return {shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end()};
}

std::size_t kernel_axis(const Node& node) { return node.op->name == "GroupConvolution" ? 3 : 2; }

/// Windows of a convolution with static shapes; empty otherwise.
std::vector<ops::Window> windows_of(const Graph& graph, const Node& node) {
  if (!is_convolution(node) || !node.post_ops.empty()) {
    return {};
  }
  const Shape& data = graph.value(node.inputs[0]).type.shape;
  const Shape& weights = graph.value(node.inputs[1]).type.shape;
  if (!is_static(data) || !is_static(weights)) {
    return {};
  }
  return ops::convolution_windows(node.attrs<ops::ConvolutionAttributes>(), spatial(data, 2),
                                  spatial(weights, kernel_axis(node)));
}

/// The strides of a convolution that reads single elements, some of them left out; empty for others.
Strides picking_strides(const Graph& graph, const Node& node) {
  Strides strides;
  bool picks = false;
  for (const ops::Window& window : windows_of(graph, node)) {
    if (window.kernel != 1 || window.pad_begin != 0 || window.pad_end != 0) {
      return {};
    }
    strides.push_back(window.stride);
    picks = picks || window.stride > 1;
  }
  return picks ? strides : Strides();
}

void set_strides(Node& node, const std::vector<ops::Window>& windows, const Strides& factors) {
  // Automatic padding depends on the strides, so it becomes explicit before they change.
  auto attributes = node.attrs<ops::ConvolutionAttributes>();
  attributes.auto_pad = ops::AutoPad::kExplicit;
  attributes.strides.clear();
  attributes.pads_begin.clear();
  attributes.pads_end.clear();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    attributes.strides.push_back(windows[i].stride * factors[i]);
    attributes.pads_begin.push_back(windows[i].pad_begin);
    attributes.pads_end.push_back(windows[i].pad_end);
  }
  node.attributes = attributes;
}

Shape picked(Shape shape, const Strides& strides) {
  for (std::size_t i = 0; i < strides.size(); ++i) {
    shape[i + 2] = (shape[i + 2] - 1) / strides[i] + 1;
  }
  return shape;
}

/// Picks elements of one value on its way up.
class StrideMove {
 public:
  explicit StrideMove(Graph& graph) : graph_(graph) {}

  /// Readers of `value`, all of them 1x1 convolutions with the same strides, give them up. \return false: not here.
  bool run(ValueId value) {
    readers_ = readers_of(graph_);
    const std::vector<NodeId> convolutions = readers_[static_cast<std::size_t>(value)];
    Strides strides;
    for (const NodeId id : convolutions) {
      const Strides own = picking_strides(graph_, graph_.node(id));
      if (own.empty() || graph_.node(id).inputs[0] != value || graph_.node(id).inputs[1] == value ||
          (!strides.empty() && own != strides)) {
        return false;
      }
      strides = own;
    }
    if (convolutions.empty() || is_output(graph_, value) || !reaches_convolution(value)) {
      return false;
    }
    const std::vector<std::int64_t> ones(strides.size(), 1);
    for (const NodeId id : convolutions) {
      auto attributes = graph_.node(id).attrs<ops::ConvolutionAttributes>();
      attributes.strides = ones;
      graph_.node(id).attributes = attributes;
    }
    move_up(value, strides);
    restore_order(graph_);
    return true;
  }

 private:
  /// Nodes on the way are element-wise with a single reader; one of them ends at a convolution nobody else reads.
  bool reaches_convolution(ValueId first) {
    std::vector<ValueId> open = {first};
    std::set<ValueId> seen;
    bool found = false;
    while (!open.empty()) {
      const ValueId value = open.back();
      open.pop_back();
      if (!seen.insert(value).second) {
        continue;
      }
      found = found || can_take(value, value == first);
      for (const ValueId input : passable(value, value == first)) {
        open.push_back(input);
      }
    }
    return found;
  }

  /// A convolution whose output only the caller reads: its own strides grow.
  bool can_take(ValueId value, bool first) {
    const NodeId producer = graph_.value(value).producer;
    return producer != kNone && (first || only_reader(value)) && !is_output(graph_, value) &&
           !windows_of(graph_, graph_.node(producer)).empty();
  }

  bool only_reader(ValueId value) const { return readers_[static_cast<std::size_t>(value)].size() == 1; }

  /// Inputs of the element-wise node that computes the value, when strides can pass it; else empty. Operands that
  /// broadcast along spatial axes are no concern and left out.
  std::vector<ValueId> passable(ValueId value, bool first) {
    const NodeId producer = graph_.value(value).producer;
    if (producer == kNone || (!first && !only_reader(value)) || is_output(graph_, value)) {
      return {};
    }
    const Node& node = graph_.node(producer);
    if (!is_unary_elementwise(node) && !is_binary_elementwise(node)) {
      return {};
    }
    const Shape& shape = graph_.value(value).type.shape;
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) {
      const Shape& own = graph_.value(input).type.shape;
      const bool whole = own.size() == shape.size() && std::equal(own.begin() + 2, own.end(), shape.begin() + 2);
      const bool constant_in_space =
          std::all_of(own.end() - static_cast<std::ptrdiff_t>(std::min(own.size(), shape.size() - 2)), own.end(),
                      [](std::int64_t extent) { return extent == 1; });
      if (!whole && !constant_in_space) {
        return {};
      }
      if (whole && !constant_in_space) {
        if (graph_.is_constant(input)) {
          return {};
        }
        inputs.push_back(input);
      }
    }
    return inputs;
  }

  void move_up(ValueId first, const Strides& strides) {
    std::vector<ValueId> open = {first};
    std::set<ValueId> done;
    while (!open.empty()) {
      const ValueId value = open.back();
      open.pop_back();
      if (!done.insert(value).second) {
        continue;
      }
      if (can_take(value, value == first)) {
        Node& node = graph_.node(graph_.value(value).producer);
        set_strides(node, windows_of(graph_, node), strides);
        shrink(value, strides);
      } else if (const std::vector<ValueId> inputs = passable(value, value == first); !inputs.empty()) {
        const NodeId producer = graph_.value(value).producer;
        shrink(value, strides);
        for (const ValueId input : inputs) {
          if (can_take(input, false) || !passable(input, false).empty()) {
            open.push_back(input);
          } else {
            pick(producer, input, strides);
          }
        }
      }
    }
  }

  void shrink(ValueId value, const Strides& strides) {
    Value& changed = graph_.value(value);
    changed.type.shape = picked(changed.type.shape, strides);
    // Nobody finds under the old name what is a part of it now.
    changed.name = graph_.unique_value_name(changed.name + "/strided");
    graph_.node(changed.producer).name = changed.name;
  }

  /// The node reads every stride-th element of the input.
  void pick(NodeId reader, ValueId input, const Strides& strides) {
    TensorType type = graph_.value(input).type;
    type.shape = picked(type.shape, strides);
    const ValueId result = append_node(graph_, "MaxPool", graph_.value(input).name + "/picked", {input}, type);
    ops::PoolAttributes attributes;
    attributes.opset = 1;
    attributes.kernel.assign(strides.size(), 1);
    attributes.strides = strides;
    attributes.pads_begin.assign(strides.size(), 0);
    attributes.pads_end.assign(strides.size(), 0);
    graph_.nodes.back().attributes = attributes;
    std::ranges::replace(graph_.node(reader).inputs, input, result);
  }

  Graph& graph_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

bool move_strides(Graph& graph) {
  bool changed = false;
  // Every success moves strides of 1x1 convolutions towards the inputs, where they end; then the search starts again,
  // since they may move on.
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!picking_strides(graph, node).empty() && StrideMove(graph).run(node.inputs[0])) {
      changed = true;
      n = graph.nodes.size();
    }
  }
  return changed;
}

}  // namespace fovea
