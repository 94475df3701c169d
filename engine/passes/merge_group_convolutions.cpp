// Convolutions side by side on equal parts of the channels, joined again, are one grouped convolution.
#include <algorithm>
#include <cstring>

#include "engine/ops/concat.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

/// Convolution, perhaps with a shift behind it, between one output of the split and one input of the concatenation.
struct Branch {
  NodeId convolution = kNone;
  std::vector<float> shift;  ///< Empty: none.
};

std::optional<Branch> branch_before(const Graph& graph, ValueId value, const std::vector<int>& uses) {
  Branch branch;
  const auto once = [&](ValueId id) { return uses[static_cast<std::size_t>(id)] == 1; };
  const NodeId producer = graph.value(value).producer;
  if (producer == kNone || !once(value)) {
    return std::nullopt;
  }
  ValueId result = value;
  if (auto shift = channel_operand(graph, graph.node(producer), "Add")) {
    result = shift->input;
    branch.shift = std::move(shift->values);
  }
  branch.convolution = graph.value(result).producer;
  if (branch.convolution == kNone || !once(result)) {
    return std::nullopt;
  }
  const Node& node = graph.node(branch.convolution);
  const bool fits = node.op->name == "Convolution" && node.post_ops.empty() && graph.is_constant(node.inputs[1]) &&
                    once(node.inputs[0]);
  return fits ? std::optional(std::move(branch)) : std::nullopt;
}

bool along_channels(const Graph& graph, const Node& split) {
  if (split.op->name != "Split" && split.op->name != "VariadicSplit") {
    return false;
  }
  const Tensor* axis = graph.constant(split.inputs[1]);
  const Shape& shape = graph.value(split.inputs[0]).type.shape;
  if (axis == nullptr || axis->size() != 1 || shape.size() < 3 ||
      ops::normalize_axis(to_ints(axis->view())[0], shape.size()) != 1) {
    return false;
  }
  return std::ranges::all_of(split.outputs, [&](ValueId output) {
    return graph.value(output).type == graph.value(split.outputs[0]).type && graph.value(output).type.shape[1] > 0;
  });
}

/// The branches in the order of the split, or nothing where something is not alike.
std::vector<Branch> find_branches(const Graph& graph, const Node& concat, const std::vector<int>& uses) {
  const Shape& shape = graph.value(concat.outputs[0]).type.shape;
  if (concat.op->name != "Concat" || concat.inputs.size() < 2 || !concat.post_ops.empty() || shape.size() < 3 ||
      ops::normalize_axis(concat.attrs<ops::ConcatAttributes>().axis, shape.size()) != 1) {
    return {};
  }
  std::vector<Branch> branches;
  for (const ValueId input : concat.inputs) {
    auto branch = graph.is_constant(input) ? std::nullopt : branch_before(graph, input, uses);
    if (!branch) {
      return {};
    }
    branches.push_back(std::move(*branch));
  }
  const Node& first = graph.node(branches[0].convolution);
  const NodeId split_id = graph.value(first.inputs[0]).producer;
  if (split_id == kNone || !along_channels(graph, graph.node(split_id)) ||
      graph.node(split_id).outputs.size() != branches.size()) {
    return {};
  }
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const Node& node = graph.node(branches[i].convolution);
    if (node.inputs[0] != graph.node(split_id).outputs[i] ||
        graph.value(node.inputs[1]).type != graph.value(first.inputs[1]).type ||
        !node.op->attributes.equal(node.attributes, first.attributes) ||
        branches[i].shift.empty() != branches[0].shift.empty()) {
      return {};
    }
  }
  return branches;
}

void merge(Graph& graph, NodeId concat_id, const std::vector<Branch>& branches) {
  const Node& first = graph.node(branches[0].convolution);
  const ValueId data = graph.node(graph.value(first.inputs[0]).producer).inputs[0];
  TensorType type = graph.value(first.inputs[1]).type;
  type.shape.insert(type.shape.begin(), static_cast<std::int64_t>(branches.size()));
  Tensor weights(type);
  std::byte* target = weights.mutable_view().bytes;
  std::vector<float> shift;
  for (const Branch& branch : branches) {
    const auto part = graph.constant(graph.node(branch.convolution).inputs[1])->bytes();
    std::memcpy(target, part.data(), part.size());
    target += part.size();
    shift.insert(shift.end(), branch.shift.begin(), branch.shift.end());
  }
  const std::any attributes = first.attributes;
  const ValueId output = graph.node(concat_id).outputs[0];
  const std::string name = graph.value(output).name;
  const TensorType output_type = graph.value(output).type;
  const ValueId constant = add_named_constant(graph, name + "/weights", std::move(weights));
  ValueId result = append_node(graph, "GroupConvolution", name + "/grouped", {data, constant}, output_type);
  graph.nodes.back().attributes = attributes;
  if (!shift.empty()) {
    const ValueId operand = add_named_constant(graph, name + "/shift", channel_tensor(shift, output_type.shape.size()));
    result = append_node(graph, "Add", name + "/shifted", {result, operand}, output_type);
  }
  bypass(graph, output, result);
}

}  // namespace

bool merge_group_convolutions(Graph& graph) {
  bool changed = false;
  const std::size_t count = graph.nodes.size();
  for (std::size_t n = 0; n < count; ++n) {
    const std::vector<Branch> branches = find_branches(graph, graph.nodes[n], graph.use_counts());
    if (!branches.empty()) {
      merge(graph, static_cast<NodeId>(n), branches);
      changed = true;
    }
  }
  if (changed) {
    graph.compact();
    restore_order(graph);
  }
  return changed;
}

}  // namespace fovea
