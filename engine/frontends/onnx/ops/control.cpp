// ONNX control flow. Outcomes that are known at import leave no trace: a branch is taken, a loop of few rounds is
// written out, so that its nodes run on the device's own kernels. What hangs on data becomes If, Loop or
// TensorIterator, or a selection where both branches are simple and give the same type.
#include <algorithm>

#include "engine/frontends/onnx/importer.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"
#include "engine/frontends/onnx/ops/bodies.hpp"

namespace fovea::onnx {
namespace {

/// Loops of more nodes than this are not written out: such graphs take long to compile.
constexpr std::int64_t kMaxWrittenNodes = 16'384;

/// True or false when it is known at import.
std::optional<bool> known_flag(const NodeContext& node, ValueId value) {
  const Tensor* tensor = node.known(value);
  return tensor == nullptr || tensor->size() != 1 ? std::nullopt : std::optional(to_ints(tensor->view())[0] != 0);
}

/// Rounds of a body that may be written out.
std::int64_t most_rounds(const proto::GraphProto& body) {
  return kMaxWrittenNodes / std::max<std::int64_t>(body.node_size(), 1);
}

/// No branch has control flow inside: running both is safe and of bounded cost.
bool is_simple(const proto::GraphProto& graph) {
  return std::ranges::none_of(graph.node(), [](const proto::NodeProto& node) {
    return std::ranges::any_of(node.attribute(), [](const auto& attribute) { return attribute.has_g(); });
  });
}

/// Slice i of `x` along `axis`, without that axis.
ValueId slice_of(NodeContext& node, ValueId x, std::int64_t i, std::int64_t axis) {
  return node.add("Gather", {x, node.integer_scalar(i), node.integer_scalar(axis)});
}

/// The values one after another along a new axis.
ValueId stack(NodeContext& node, const Values& values, std::int64_t axis) {
  Values parts;
  for (const ValueId value : values) {
    parts.push_back(node.unsqueeze(value, {axis}));
  }
  return node.add("Concat", parts, {{"axis", axis}});
}

/// Both branches computed, and one result selected. nullopt: their types are not the same ones, known ahead.
std::optional<Values> select_branch(NodeContext& node, ValueId condition) {
  const proto::GraphProto& then_branch = node.subgraph("then_branch");
  const proto::GraphProto& else_branch = node.subgraph("else_branch");
  if (!is_simple(then_branch) || !is_simple(else_branch)) {
    return std::nullopt;
  }
  const Values then_values = node.importer().inline_graph(then_branch, {});
  const Values else_values = node.importer().inline_graph(else_branch, {});
  for (std::size_t i = 0; i < then_values.size(); ++i) {
    if (node.type(then_values[i]) != node.type(else_values[i]) || !is_static(node.type(then_values[i]).shape)) {
      return std::nullopt;  // what was added for it is read by nobody
    }
  }
  Values results;
  for (std::size_t i = 0; i < then_values.size(); ++i) {
    results.push_back(node.add("Select", {node.reshape(condition, {}), then_values[i], else_values[i]}));
  }
  return results;
}

/// The loop round by round. nullopt: a condition is not known, or there are too many rounds.
std::optional<Values> write_out_loop(NodeContext& node) {
  const proto::GraphProto& body = node.subgraph("body");
  const std::int64_t most = most_rounds(body);
  const auto trips = node.known_integers(0);
  if ((node.has_input(0) && !trips) || (trips && node.constant_integer(0, "trip count") > most)) {
    return std::nullopt;
  }
  const std::int64_t rounds = trips ? trips->front() : most + 1;
  ValueId condition = node.has_input(1) ? node.input(1) : node.constant(Tensor::scalar<bool>(true));
  Values state(node.inputs().begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, node.input_count())),
               node.inputs().end());
  std::vector<Values> collected;
  for (std::int64_t round = 0; round < rounds; ++round) {
    const auto go_on = known_flag(node, condition);
    if (!go_on) {
      return std::nullopt;
    }
    if (*go_on && round == most) {  // then there is no trip count, or it would have been looked at before
      node.unsupported(fmt::format("has no trip count, and goes on after {} rounds whose conditions are known", most));
    }
    if (!*go_on) {
      break;
    }
    Values inputs = {node.integer_scalar(round), condition};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const Values outputs = node.importer().inline_graph(body, inputs);
    if (outputs.size() < 1 + state.size()) {
      node.invalid(fmt::format("has a body with {} outputs, expected at least {}", outputs.size(), 1 + state.size()));
    }
    condition = outputs[0];
    collected.resize(outputs.size() - 1 - state.size());
    for (std::size_t i = 0; i < collected.size(); ++i) {
      collected[i].push_back(outputs[1 + state.size() + i]);
    }
    std::copy(outputs.begin() + 1, outputs.begin() + 1 + static_cast<std::ptrdiff_t>(state.size()), state.begin());
  }
  Values results = state;
  for (const Values& values : collected) {
    results.push_back(stack(node, values, 0));
  }
  // Without any round, types of collected outputs are the body's to tell.
  return results.size() < node.output_count() ? std::nullopt : std::optional(results);
}

/// The scan round by round. nullopt: how many there are is not known, or too many.
std::optional<Values> write_out_scan(NodeContext& node, const ScanForm& form) {
  const proto::GraphProto& body = node.subgraph("body");
  const std::int64_t rounds = node.shape(form.sequences[0])[static_cast<std::size_t>(form.input_axes[0])];
  if (rounds < 1 || rounds > most_rounds(body)) {
    return std::nullopt;
  }
  Values state = form.states;
  std::vector<Values> collected;
  for (std::int64_t round = 0; round < rounds; ++round) {
    Values inputs = state;
    for (std::size_t i = 0; i < form.sequences.size(); ++i) {
      const std::int64_t place = form.input_reversed[i] ? rounds - 1 - round : round;
      inputs.push_back(slice_of(node, form.sequences[i], place, form.input_axes[i]));
    }
    const Values outputs = node.importer().inline_graph(body, inputs);
    if (outputs.size() < state.size()) {
      node.invalid(fmt::format("has a body with {} outputs, expected at least {}", outputs.size(), state.size()));
    }
    collected.resize(outputs.size() - state.size());
    for (std::size_t i = 0; i < collected.size(); ++i) {
      collected[i].push_back(outputs[state.size() + i]);
    }
    std::copy(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(state.size()), state.begin());
  }
  Values results = state;
  for (std::size_t i = 0; i < collected.size(); ++i) {
    if (i < form.output_reversed.size() && form.output_reversed[i]) {
      std::ranges::reverse(collected[i]);
    }
    const std::int64_t axis = i < form.output_axes.size() ? form.output_axes[i] : 0;
    results.push_back(stack(node, collected[i], node.normal_axis(axis, node.rank(collected[i][0]) + 1)));
  }
  return results;
}

std::vector<bool> reversed(const std::vector<std::int64_t>& directions) {
  std::vector<bool> result;
  for (const std::int64_t direction : directions) {
    result.push_back(direction == 1);
  }
  return result;
}

}  // namespace

Values convert_if(NodeContext& node) {
  const ValueId condition = node.input(0);
  if (const auto outcome = known_flag(node, condition)) {
    return node.importer().inline_graph(node.subgraph(*outcome ? "then_branch" : "else_branch"), {});
  }
  const int outputs = node.subgraph("then_branch").output_size();
  if (outputs != node.subgraph("else_branch").output_size() ||
      static_cast<std::size_t>(outputs) < node.output_count()) {
    node.invalid(fmt::format("has branches with {} and {} outputs, expected {} each", outputs,
                             node.subgraph("else_branch").output_size(), node.output_count()));
  }
  const auto selected = select_branch(node, condition);
  return selected ? *selected : add_if(node, condition);
}

Values convert_loop(NodeContext& node) {
  const auto written = write_out_loop(node);
  return written ? *written : add_loop(node);
}

Values convert_scan(NodeContext& node) {
  // Opset 8 had a batch axis and sequence lengths.
  const bool batched = node.opset() < 9;
  const std::int64_t scans = node.integer("num_scan_inputs", 1);
  const std::size_t first = batched ? 1 : 0;
  if (scans < 1 || static_cast<std::int64_t>(node.input_count() - std::min(first, node.input_count())) < scans) {
    node.invalid(fmt::format("has {} inputs and num_scan_inputs {}", node.input_count(), scans));
  }
  if (batched && (node.has_input(0) || node.rank(node.input(1)) == 0 || node.shape(node.input(1))[0] != 1)) {
    node.unsupported("has sequence lengths or a batch of more than one");
  }
  ScanForm form;
  const std::size_t states = node.input_count() - first - static_cast<std::size_t>(scans);
  const std::vector<std::int64_t> axes = node.integers("scan_input_axes");
  form.input_reversed = reversed(node.integers(batched ? "directions" : "scan_input_directions"));
  form.input_reversed.resize(static_cast<std::size_t>(scans));
  form.output_axes = node.integers("scan_output_axes");
  form.output_reversed = reversed(node.integers("scan_output_directions"));
  for (std::size_t i = first; i < node.input_count(); ++i) {
    const ValueId value = batched ? node.squeeze(node.input(i), {0}) : node.input(i);
    if (i < first + states) {
      form.states.push_back(value);
      continue;
    }
    const std::size_t place = form.sequences.size();
    form.sequences.push_back(value);
    form.input_axes.push_back(node.normal_axis(place < axes.size() ? axes[place] : 0, node.rank(value)));
  }
  const auto written = write_out_scan(node, form);
  Values results = written ? *written : add_scan(node, form);
  for (ValueId& value : results) {
    value = batched ? node.unsqueeze(value, {0}) : value;
  }
  return results;
}

}  // namespace fovea::onnx
