// ONNX's RNN, GRU and LSTM, written out step by step: the products with the inputs of all steps are one product, what
// remains per step is small. Sequences must have a length known at import.
#include <algorithm>

#include "engine/base/text.hpp"
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

constexpr std::int64_t kMaxSteps =
    4096;  // some dozen nodes each; longer sequences would make graphs nobody can compile

/// One activation with its constants.
struct Activation {
  std::string name;
  std::optional<double> alpha;
  std::optional<double> beta;
};

ValueId activate(NodeContext& node, const Activation& activation, ValueId x) {
  const DataType type = node.data_type(x);
  const auto alpha = [&](double fallback) { return activation.alpha.value_or(fallback); };
  const auto beta = [&](double fallback) { return activation.beta.value_or(fallback); };
  const std::string& name = activation.name;
  if (name == "sigmoid") {
    return node.add("Sigmoid", {x});
  }
  if (name == "tanh") {
    return node.add("Tanh", {x});
  }
  if (name == "relu") {
    return node.add("Relu", {x});
  }
  if (name == "affine") {
    return add_number(node, multiply(node, x, alpha(1)), beta(0));
  }
  if (name == "leakyrelu") {
    return node.add("PRelu", {x, node.scalar(type, alpha(0.01))});
  }
  if (name == "thresholdedrelu") {
    const ValueId above = node.add("Greater", {x, node.scalar(type, alpha(1))});
    return node.add("Select", {above, x, node.scalar(type, 0)});
  }
  if (name == "scaledtanh") {
    return multiply(node, node.add("Tanh", {multiply(node, x, beta(1))}), alpha(1));
  }
  if (name == "hardsigmoid") {
    return node.add("HardSigmoid", {x, node.scalar(type, alpha(0.2)), node.scalar(type, beta(0.5))});
  }
  if (name == "elu") {
    return node.add("Elu", {x}, {{"alpha", alpha(1)}});
  }
  if (name == "softsign") {
    return node.add("SoftSign", {x});
  }
  if (name == "softplus") {
    return node.add("SoftPlus", {x});
  }
  node.unsupported(fmt::format("has the activation '{}'", name));
}

ValueId entry_of(NodeContext& node, ValueId x, std::int64_t i) {
  return node.add("Gather", {x, node.integer_scalar(i), node.integer_scalar(0)});
}

/// What all directions share.
struct Setting {
  std::int64_t gates = 1;
  std::int64_t hidden = 0;
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  double clip = 0;    ///< 0: none.
  ValueId x = kNone;  ///< [steps, batch, input]
  ValueId lengths = kNone;
};

/// One direction's weights and activations.
struct Direction {
  bool reverse = false;
  ValueId input_weights = kNone;      ///< [gates·hidden, input]
  ValueId recurrent_weights = kNone;  ///< [gates·hidden, hidden]
  ValueId input_bias = kNone;         ///< [gates·hidden] or kNone.
  ValueId recurrent_bias = kNone;
  ValueId peepholes = kNone;  ///< [3·hidden] or kNone.
  std::vector<Activation> activations;
};

struct State {
  ValueId hidden = kNone;  ///< [batch, hidden]
  ValueId cell = kNone;    ///< LSTM only.
};

ValueId clipped(NodeContext& node, const Setting& setting, ValueId x) {
  return setting.clip > 0 ? node.add("Clamp", {x}, {{"min", -setting.clip}, {"max", setting.clip}}) : x;
}

ValueId plus(NodeContext& node, ValueId x, ValueId summand) {
  return summand == kNone ? x : node.add("Add", {x, summand});
}

/// x [batch, gates·hidden] cut into its gates.
Values split_gates(NodeContext& node, const Setting& setting, ValueId x, std::int64_t axis) {
  return node.add_node("Split", {x, node.integer_scalar(axis)}, {{"num_splits", setting.gates}},
                       {.outputs = static_cast<std::size_t>(setting.gates)});
}

ValueId gate(NodeContext& node, const Setting& setting, const Direction& direction, std::size_t activation, ValueId x) {
  return activate(node, direction.activations.at(activation), clipped(node, setting, x));
}

/// i, o, f, c: the order of the gates in ONNX's LSTM.
State lstm_step(NodeContext& node, const Setting& setting, const Direction& direction, ValueId from_input,
                const State& state) {
  const ValueId recurrent = node.add("MatMul", {state.hidden, direction.recurrent_weights}, {{"transpose_b", true}});
  const Values parts = split_gates(node, setting, node.add("Add", {from_input, recurrent}), 1);
  Values peepholes(3, kNone);
  if (direction.peepholes != kNone) {
    peepholes = node.add_node("Split", {direction.peepholes, node.integer_scalar(0)}, {{"num_splits", std::int64_t{3}}},
                              {.outputs = 3});
  }
  const auto peep = [&](ValueId x, std::size_t i, ValueId cell) {
    return peepholes[i] == kNone ? x : node.add("Add", {x, node.add("Multiply", {peepholes[i], cell})});
  };
  const ValueId input = gate(node, setting, direction, 0, peep(parts[0], 0, state.cell));
  const DataType type = node.data_type(input);
  const ValueId forget = node.flag("input_forget", false)
                             ? node.add("Subtract", {node.scalar(type, 1), input})
                             : gate(node, setting, direction, 0, peep(parts[2], 2, state.cell));
  const ValueId candidate = gate(node, setting, direction, 1, parts[3]);
  const ValueId cell =
      node.add("Add", {node.add("Multiply", {forget, state.cell}), node.add("Multiply", {input, candidate})});
  const ValueId output = gate(node, setting, direction, 0, peep(parts[1], 1, cell));
  return {node.add("Multiply", {output, activate(node, direction.activations.at(2), cell)}), cell};
}

/// z, r, h: the order of the gates in ONNX's GRU.
State gru_step(NodeContext& node, const Setting& setting, const Direction& direction, ValueId from_input,
               const State& state) {
  const Values inputs = split_gates(node, setting, from_input, 1);
  const Values weights = split_gates(node, setting, direction.recurrent_weights, 0);
  Values biases(3, kNone);
  if (direction.recurrent_bias != kNone) {
    biases = split_gates(node, setting, direction.recurrent_bias, 0);
  }
  const auto recurrent = [&](std::size_t i, ValueId hidden) {
    return plus(node, node.add("MatMul", {hidden, weights[i]}, {{"transpose_b", true}}), biases[i]);
  };
  const ValueId update = gate(node, setting, direction, 0, node.add("Add", {inputs[0], recurrent(0, state.hidden)}));
  const ValueId reset = gate(node, setting, direction, 0, node.add("Add", {inputs[1], recurrent(1, state.hidden)}));
  const ValueId candidate_part = node.flag("linear_before_reset", false)
                                     ? node.add("Multiply", {reset, recurrent(2, state.hidden)})
                                     : recurrent(2, node.add("Multiply", {reset, state.hidden}));
  const ValueId candidate = gate(node, setting, direction, 1, node.add("Add", {inputs[2], candidate_part}));
  const ValueId keep = node.add("Multiply", {update, state.hidden});
  const ValueId rest = node.add("Subtract", {node.scalar(node.data_type(update), 1), update});
  return {node.add("Add", {node.add("Multiply", {rest, candidate}), keep}), kNone};
}

State rnn_step(NodeContext& node, const Setting& setting, const Direction& direction, ValueId from_input,
               const State& state) {
  const ValueId recurrent = node.add("MatMul", {state.hidden, direction.recurrent_weights}, {{"transpose_b", true}});
  return {gate(node, setting, direction, 0, node.add("Add", {from_input, recurrent})), kNone};
}

using Step = State (*)(NodeContext&, const Setting&, const Direction&, ValueId, const State&);

/// Outputs of all steps, stacked, and the state after the last one.
struct Run {
  ValueId outputs = kNone;  ///< [steps, batch, hidden]
  State last;
};

ValueId reverse_sequences(NodeContext& node, ValueId x, ValueId lengths) {
  return node.add("ReverseSequence", {x, lengths}, {{"batch_axis", std::int64_t{1}}, {"seq_axis", std::int64_t{0}}});
}

Run run_direction(NodeContext& node, const Setting& setting, const Direction& direction, State state, Step step) {
  const bool turn = direction.reverse && setting.lengths != kNone;
  const ValueId x = turn ? reverse_sequences(node, setting.x, setting.lengths) : setting.x;
  const ValueId products =
      plus(node, node.add("MatMul", {x, direction.input_weights}, {{"transpose_b", true}}), direction.input_bias);
  Values outputs(static_cast<std::size_t>(setting.steps));
  for (std::int64_t i = 0; i < setting.steps; ++i) {
    const std::int64_t place = direction.reverse && !turn ? setting.steps - 1 - i : i;
    State next = step(node, setting, direction, entry_of(node, products, place), state);
    ValueId output = next.hidden;
    if (setting.lengths != kNone) {
      // Beyond a sequence's end the state stays and the output is 0.
      const ValueId inside = node.unsqueeze(
          node.add("Less", {node.scalar(node.data_type(setting.lengths), static_cast<double>(i)), setting.lengths}),
          {1});
      output = node.add("Select", {inside, output, node.scalar(node.data_type(output), 0)});
      next.hidden = node.add("Select", {inside, next.hidden, state.hidden});
      next.cell = next.cell == kNone ? kNone : node.add("Select", {inside, next.cell, state.cell});
    }
    state = next;
    outputs[static_cast<std::size_t>(place)] = node.unsqueeze(output, {0});
  }
  const ValueId stacked = node.add("Concat", outputs, {{"axis", std::int64_t{0}}});
  return {turn ? reverse_sequences(node, stacked, setting.lengths) : stacked, state};
}

std::vector<Activation> read_activations(const NodeContext& node, const std::vector<std::string>& defaults,
                                         std::size_t direction) {
  std::vector<std::string> names = node.texts("activations");
  const std::vector<double> alphas = node.reals("activation_alpha");
  const std::vector<double> betas = node.reals("activation_beta");
  std::vector<Activation> result;
  for (std::size_t i = 0; i < defaults.size(); ++i) {
    const std::size_t at = direction * defaults.size() + i;
    Activation activation;
    activation.name = to_lower(at < names.size() ? names[at] : defaults[i]);
    activation.alpha = at < alphas.size() ? std::optional(alphas[at]) : std::nullopt;
    activation.beta = at < betas.size() ? std::optional(betas[at]) : std::nullopt;
    result.push_back(activation);
  }
  return result;
}

/// Places of inputs: X, W, R, B, sequence_lens, initial_h, initial_c, P.
Direction read_direction(NodeContext& node, const Setting& setting, std::size_t index, bool merge_biases) {
  const auto i = static_cast<std::int64_t>(index);
  Direction direction;
  direction.input_weights = entry_of(node, node.input(1), i);
  direction.recurrent_weights = entry_of(node, node.input(2), i);
  if (node.has_input(3)) {
    const Values halves = node.add_node("Split", {entry_of(node, node.input(3), i), node.integer_scalar(0)},
                                        {{"num_splits", std::int64_t{2}}}, {.outputs = 2});
    direction.input_bias = merge_biases ? node.add("Add", {halves[0], halves[1]}) : halves[0];
    direction.recurrent_bias = merge_biases ? kNone : halves[1];
  }
  direction.peepholes = setting.gates == 4 && node.has_input(7) ? entry_of(node, node.input(7), i) : kNone;
  return direction;
}

Setting read_setting(NodeContext& node, std::int64_t gates, bool batch_first) {
  Setting setting;
  setting.gates = gates;
  setting.x = batch_first ? node.transpose(node.input(0), {1, 0, 2}) : node.input(0);
  const Shape shape = node.shape(setting.x);
  const Shape recurrent = node.shape(node.input(2));
  if (shape.size() != 3 || !is_static(shape) || recurrent.size() != 3 || shape[0] < 1 || shape[0] > kMaxSteps) {
    node.unsupported(fmt::format("has data {} and recurrent weights {}, expected 3 known axes and 1 to {} steps",
                                 to_string(shape), to_string(recurrent), kMaxSteps));
  }
  setting.steps = shape[0];
  setting.batch = shape[1];
  setting.hidden = recurrent[2];
  setting.clip = node.real("clip", 0);
  setting.lengths = node.has_input(4) ? node.input(4) : kNone;
  return setting;
}

ValueId initial_state(NodeContext& node, const Setting& setting, std::size_t input, std::size_t direction,
                      bool batch_first) {
  if (node.has_input(input)) {
    const ValueId all = batch_first ? node.transpose(node.input(input), {1, 0, 2}) : node.input(input);
    return entry_of(node, all, static_cast<std::int64_t>(direction));
  }
  return node.add("Broadcast",
                  {node.scalar(node.data_type(setting.x), 0), node.integer_list({setting.batch, setting.hidden})});
}

Values convert_recurrent(NodeContext& node, std::int64_t gates, const std::vector<std::string>& activations,
                         Step step) {
  const bool batch_first = node.integer("layout", 0) == 1;
  const Setting setting = read_setting(node, gates, batch_first);
  const std::string order = node.text("direction", "forward");
  const std::size_t count = order == "bidirectional" ? 2 : 1;
  const Shape weights = node.shape(node.input(1));
  if (weights.size() != 3 || weights[0] != static_cast<std::int64_t>(count) ||
      node.shape(node.input(2))[0] != weights[0]) {
    node.invalid(fmt::format("has weights {}, expected {} directions", to_string(weights), count));
  }
  Values outputs;
  Values hidden;
  Values cells;
  for (std::size_t i = 0; i < count; ++i) {
    Direction direction = read_direction(node, setting, i, gates != 3);
    direction.reverse = order == "reverse" || i == 1;
    direction.activations = read_activations(node, activations, i);
    State start{initial_state(node, setting, 5, i, batch_first), kNone};
    start.cell = gates == 4 ? initial_state(node, setting, 6, i, batch_first) : kNone;
    const Run run = run_direction(node, setting, direction, start, step);
    outputs.push_back(node.unsqueeze(run.outputs, {1}));
    hidden.push_back(node.unsqueeze(run.last.hidden, {0}));
    cells.push_back(gates == 4 ? node.unsqueeze(run.last.cell, {0}) : kNone);
  }
  const auto join = [&](const Values& values, std::int64_t axis) {
    return values.size() == 1 ? values[0] : node.add("Concat", values, {{"axis", axis}});
  };
  Values results = {join(outputs, 1), join(hidden, 0)};
  if (gates == 4) {
    results.push_back(join(cells, 0));
  }
  if (batch_first) {
    results[0] = node.transpose(results[0], {2, 0, 1, 3});
    for (std::size_t i = 1; i < results.size(); ++i) {
      results[i] = node.transpose(results[i], {1, 0, 2});
    }
  }
  return results;
}

}  // namespace

Values convert_lstm(NodeContext& node) { return convert_recurrent(node, 4, {"Sigmoid", "Tanh", "Tanh"}, lstm_step); }

Values convert_gru(NodeContext& node) { return convert_recurrent(node, 3, {"Sigmoid", "Tanh"}, gru_step); }

Values convert_rnn(NodeContext& node) { return convert_recurrent(node, 1, {"Tanh"}, rnn_step); }

}  // namespace fovea::onnx
