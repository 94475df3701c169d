// ONNX control flow. Outcomes that are known at import leave no trace: a branch is taken, a loop is written out. A
// branch that hangs on data becomes a selection between both results.
#include <algorithm>

#include "engine/frontends/onnx/importer.hpp"
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// Loops are written out; more rounds than this would make graphs nobody can compile.
constexpr std::int64_t kMaxRounds = 4096;

/// True or false when it is known at import.
std::optional<bool> known_flag(const NodeContext& node, ValueId value) {
  const Tensor* tensor = node.known(value);
  return tensor == nullptr || tensor->size() != 1 ? std::nullopt : std::optional(to_ints(tensor->view())[0] != 0);
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

/// Element `i` of a list attribute, or a fallback.
std::int64_t entry(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t fallback) {
  return i < list.size() ? list[i] : fallback;
}

}  // namespace

Values convert_if(NodeContext& node) {
  const ValueId condition = node.input(0);
  if (const auto outcome = known_flag(node, condition)) {
    return node.importer().inline_graph(node.subgraph(*outcome ? "then_branch" : "else_branch"), {});
  }
  const Values then_values = node.importer().inline_graph(node.subgraph("then_branch"), {});
  const Values else_values = node.importer().inline_graph(node.subgraph("else_branch"), {});
  if (then_values.size() != else_values.size()) {
    node.invalid("has branches with different numbers of outputs");
  }
  Values results;
  for (std::size_t i = 0; i < then_values.size(); ++i) {
    if (node.shape(then_values[i]) != node.shape(else_values[i]) ||
        node.data_type(then_values[i]) != node.data_type(else_values[i])) {
      node.unsupported(
          fmt::format("has a condition that is not known and branches of {} and {}; only equal types can "
                      "be selected from",
                      to_string(node.shape(then_values[i])), to_string(node.shape(else_values[i]))));
    }
    results.push_back(node.add("Select", {node.reshape(condition, {}), then_values[i], else_values[i]}));
  }
  return results;
}

Values convert_loop(NodeContext& node) {
  const std::int64_t rounds = node.has_input(0) ? node.constant_integer(0, "trip count") : kMaxRounds + 1;
  ValueId condition = node.has_input(1) ? node.input(1) : node.constant(Tensor::scalar<bool>(true));
  Values state(node.inputs().begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, node.input_count())),
               node.inputs().end());
  std::vector<Values> collected;
  for (std::int64_t round = 0; round < rounds; ++round) {
    const auto go_on = known_flag(node, condition);
    if (!go_on) {
      node.unsupported("has a condition that depends on data: loops are written out at import");
    }
    if (!*go_on) {
      break;
    }
    if (round == kMaxRounds) {
      node.unsupported(fmt::format("runs more than {} rounds: loops are written out at import", kMaxRounds));
    }
    Values inputs = {node.integer_scalar(round), condition};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const Values outputs = node.importer().inline_graph(node.subgraph("body"), inputs);
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
  if (results.size() < node.output_count()) {
    node.unsupported("runs no round, so that the shapes of collected outputs are not known");
  }
  return results;
}

Values convert_scan(NodeContext& node) {
  // Opset 8 had a batch axis and sequence lengths.
  const bool batched = node.opset() < 9;
  const auto scans = static_cast<std::size_t>(std::max<std::int64_t>(node.integer("num_scan_inputs", 1), 0));
  const std::size_t first = batched ? 1 : 0;
  if (scans < 1 || node.input_count() < first + scans) {
    node.invalid(fmt::format("has {} inputs and num_scan_inputs {}", node.input_count(), scans));
  }
  if (batched && (node.has_input(0) || node.rank(node.input(1)) == 0 || node.shape(node.input(1))[0] != 1)) {
    node.unsupported("has sequence lengths or a batch of more than one");
  }
  const std::size_t states = node.input_count() - first - scans;
  Values state;
  for (std::size_t i = 0; i < states; ++i) {
    const ValueId value = node.input(first + i);
    state.push_back(batched ? node.squeeze(value, {0}) : value);
  }
  const std::vector<std::int64_t> axes = node.integers("scan_input_axes");
  const std::vector<std::int64_t> directions = node.integers(batched ? "directions" : "scan_input_directions");
  Values sequences;
  std::vector<std::int64_t> sequence_axes;
  for (std::size_t i = 0; i < scans; ++i) {
    const ValueId value = node.input(first + states + i);
    sequences.push_back(batched ? node.squeeze(value, {0}) : value);
    sequence_axes.push_back(node.normal_axis(entry(axes, i, 0), node.rank(sequences.back())));
  }
  const std::int64_t rounds = node.shape(sequences[0])[static_cast<std::size_t>(sequence_axes[0])];
  if (rounds == kDynamic || rounds < 1 || rounds > kMaxRounds) {
    node.unsupported(fmt::format("runs {} rounds, expected 1 to {} known at import", rounds, kMaxRounds));
  }
  std::vector<Values> collected;
  for (std::int64_t round = 0; round < rounds; ++round) {
    Values inputs = state;
    for (std::size_t i = 0; i < scans; ++i) {
      const std::int64_t place = entry(directions, i, 0) == 1 ? rounds - 1 - round : round;
      inputs.push_back(slice_of(node, sequences[i], place, sequence_axes[i]));
    }
    const Values outputs = node.importer().inline_graph(node.subgraph("body"), inputs);
    if (outputs.size() < states) {
      node.invalid(fmt::format("has a body with {} outputs, expected at least {}", outputs.size(), states));
    }
    collected.resize(outputs.size() - states);
    for (std::size_t i = 0; i < collected.size(); ++i) {
      collected[i].push_back(outputs[states + i]);
    }
    std::copy(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(states), state.begin());
  }
  const std::vector<std::int64_t> output_axes = node.integers("scan_output_axes");
  const std::vector<std::int64_t> output_directions = node.integers("scan_output_directions");
  Values results = state;
  for (std::size_t i = 0; i < collected.size(); ++i) {
    if (entry(output_directions, i, 0) == 1) {
      std::ranges::reverse(collected[i]);
    }
    results.push_back(
        stack(node, collected[i], node.normal_axis(entry(output_axes, i, 0), node.rank(collected[i][0]) + 1)));
  }
  for (ValueId& value : results) {
    value = batched ? node.unsqueeze(value, {0}) : value;
  }
  return results;
}

}  // namespace fovea::onnx
