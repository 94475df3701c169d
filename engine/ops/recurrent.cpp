#include "engine/ops/recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Positions of the inputs; -1 where the operator has none.
struct Places {
  int cell = -1;
  int lengths = -1;
  int input_weights = 0;
  int recurrent_weights = 0;
  int bias = 0;
  int peepholes = -1;
};

Places places_of(RecurrentKind kind, bool sequence) {
  Places places;
  int next = 2;
  places.cell = kind == RecurrentKind::kLstm ? next++ : -1;
  places.lengths = sequence ? next++ : -1;
  places.input_weights = next++;
  places.recurrent_weights = next++;
  places.bias = next++;
  places.peepholes = kind == RecurrentKind::kLstm ? next : -1;
  return places;
}

std::int64_t gates_of(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 4 : kind == RecurrentKind::kGru ? 3 : 1;
}

using Activation = double (*)(double);

double relu_of(double x) { return std::max(x, 0.0); }
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double tanh_of(double x) { return std::tanh(x); }

/// One function for each role: gates, candidate, output.
std::vector<Activation> activations_of(RecurrentKind kind, const RecurrentSpec& spec) {
  std::vector<std::string> names = {"sigmoid", "tanh", "tanh"};
  names.resize(kind == RecurrentKind::kLstm ? 3 : 2);
  if (kind == RecurrentKind::kRnn) {
    names = {"tanh"};
  }
  if (!spec.activations.empty() && spec.activations.size() < names.size()) {
    fail(ErrorCode::kInvalidModel, "activations has {} names, expected {}", spec.activations.size(), names.size());
  }
  std::vector<Activation> functions;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = to_lower(spec.activations.empty() ? names[i] : spec.activations[i]);
    if (name != "relu" && name != "sigmoid" && name != "tanh") {
      fail(ErrorCode::kUnsupported, "activation '{}', expected relu, sigmoid or tanh", name);
    }
    functions.push_back(name == "relu" ? relu_of : name == "sigmoid" ? sigmoid_of : tanh_of);
  }
  return functions;
}

/// Checks one input's type, rank and extents; -1 in `expected` accepts anything.
void check_input(std::span<const InputInfo> inputs, int index, const Shape& expected, std::string_view what) {
  const InputInfo& input = inputs[static_cast<std::size_t>(index)];
  const Shape& shape = input.type.shape;
  bool fits = shape.size() == expected.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = extents_agree(shape[i], expected[i]);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected {}", what, to_string(shape), to_string(expected));
  }
  check_same_type(inputs[0], input);
}

void check_spec(RecurrentKind kind, const RecurrentSpec& spec) {
  check_range(spec.hidden_size, 1, kMaxAttribute, "hidden_size");
  (void)activations_of(kind, spec);
  if (!(spec.clip >= 0)) {
    fail(ErrorCode::kInvalidModel, "clip is {}, expected a number ≥ 0", spec.clip);
  }
  if (to_lower(spec.weights_format) != "fico" || spec.input_forget) {
    fail(ErrorCode::kUnsupported, "weights_format '{}' and input_forget {}, expected fico and false",
         spec.weights_format, spec.input_forget);
  }
}

std::int64_t directions_of(const RecurrentSpec& spec) {
  return spec.direction == RecurrentDirection::kBidirectional ? 2 : 1;
}

/// Weights and states of one direction, seen in the memory of all.
struct Direction {
  const double* input_weights = nullptr;      ///< [GH, I]
  const double* recurrent_weights = nullptr;  ///< [GH, H]
  const double* bias = nullptr;               ///< nullptr: zero.
};

struct Runner {
  RecurrentKind kind = RecurrentKind::kLstm;
  const RecurrentSpec& spec;
  std::vector<Activation> activations = {};
  std::size_t input_size = 0;
  std::size_t hidden_size = 0;

  /// weights[row] · x
  [[nodiscard]] static double product(const double* weights, std::size_t row, std::size_t width, const double* x) {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) {
      sum += weights[row * width + i] * x[i];
    }
    return sum;
  }

  [[nodiscard]] double gate(double sum, std::size_t role) const {
    return activations.at(role)(spec.clip > 0 ? std::clamp(sum, -spec.clip, spec.clip) : sum);
  }

  [[nodiscard]] double bias(const Direction& direction, std::size_t row) const {
    return direction.bias == nullptr ? 0 : direction.bias[row];
  }

  /// Gate g of hidden element j before its activation.
  [[nodiscard]] double sum(const Direction& direction, std::size_t g, std::size_t j, const double* x,
                           const double* hidden) const {
    const std::size_t row = g * hidden_size + j;
    return product(direction.input_weights, row, input_size, x) +
           product(direction.recurrent_weights, row, hidden_size, hidden) + bias(direction, row);
  }

  void lstm_step(const Direction& d, const double* x, std::vector<double>& hidden, std::vector<double>& cell) const {
    const std::vector<double> before = hidden;
    for (std::size_t j = 0; j < hidden_size; ++j) {
      const double forget = gate(sum(d, 0, j, x, before.data()), 0);
      const double input = gate(sum(d, 1, j, x, before.data()), 0);
      const double candidate = gate(sum(d, 2, j, x, before.data()), 1);
      const double output = gate(sum(d, 3, j, x, before.data()), 0);
      cell[j] = forget * cell[j] + input * candidate;
      hidden[j] = output * activations.at(2)(cell[j]);
    }
  }

  void gru_step(const Direction& d, const double* x, std::vector<double>& hidden) const {
    const std::vector<double> before = hidden;
    std::vector<double> reset(hidden_size);
    std::vector<double> scaled(hidden_size);
    for (std::size_t j = 0; j < hidden_size; ++j) {
      reset[j] = gate(sum(d, 1, j, x, before.data()), 0);
      scaled[j] = reset[j] * before[j];
    }
    for (std::size_t j = 0; j < hidden_size; ++j) {
      const double update = gate(sum(d, 0, j, x, before.data()), 0);
      const std::size_t row = 2 * hidden_size + j;
      const double from_input = product(d.input_weights, row, input_size, x) + bias(d, row);
      const double from_state =
          spec.linear_before_reset
              ? reset[j] * (product(d.recurrent_weights, row, hidden_size, before.data()) + bias(d, row + hidden_size))
              : product(d.recurrent_weights, row, hidden_size, scaled.data());
      const double candidate = gate(from_input + from_state, 1);
      hidden[j] = (1 - update) * candidate + update * before[j];
    }
  }

  void rnn_step(const Direction& d, const double* x, std::vector<double>& hidden) const {
    const std::vector<double> before = hidden;
    for (std::size_t j = 0; j < hidden_size; ++j) {
      hidden[j] = gate(sum(d, 0, j, x, before.data()), 0);
    }
  }

  void step(const Direction& d, const double* x, std::vector<double>& hidden, std::vector<double>& cell) const {
    if (kind == RecurrentKind::kLstm) {
      lstm_step(d, x, hidden, cell);
    } else if (kind == RecurrentKind::kGru) {
      gru_step(d, x, hidden);
    } else {
      rnn_step(d, x, hidden);
    }
  }
};

/// All inputs as doubles; a missing one is empty.
std::vector<double> doubles_of(std::span<const ConstTensorView> inputs, int index) {
  return index >= 0 && has_input(inputs, static_cast<std::size_t>(index))
             ? to_doubles(inputs[static_cast<std::size_t>(index)])
             : std::vector<double>();
}

}  // namespace

std::vector<TensorType> infer_recurrent(RecurrentKind kind, bool sequence, const RecurrentSpec& spec, const Node& node,
                                        std::span<const InputInfo> inputs) {
  check_spec(kind, spec);
  const Places places = places_of(kind, sequence);
  const Shape& x = inputs[0].type.shape;
  check_rank(x, sequence ? 3 : 2, sequence ? 3 : 2, "data");
  if (!is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "data is {}, expected a floating type", to_string(inputs[0].type));
  }
  const std::int64_t hidden = spec.hidden_size;
  const std::int64_t rows = gates_of(kind) * hidden;
  const std::int64_t bias_rows = kind == RecurrentKind::kGru && spec.linear_before_reset ? rows + hidden : rows;
  const std::int64_t directions = directions_of(spec);
  const std::int64_t batch = x[0];
  const auto shape = [&](std::initializer_list<std::int64_t> extents) {
    Shape result(extents);
    if (sequence) {
      result.insert(result.begin(), directions);
    }
    return result;
  };
  const Shape state = sequence ? Shape{batch, directions, hidden} : Shape{batch, hidden};
  check_input(inputs, 1, state, "the hidden state");
  if (places.cell >= 0) {
    check_input(inputs, places.cell, state, "the cell state");
  }
  if (sequence) {
    const TensorType& lengths = inputs[static_cast<std::size_t>(places.lengths)].type;
    check_index_type(lengths.data_type, "the type of sequence lengths");
    if (lengths.shape.size() != 1 || !extents_agree(lengths.shape[0], batch)) {
      fail(ErrorCode::kInvalidModel, "sequence lengths are {}, expected one for each of {} sequences",
           to_string(lengths), batch);
    }
  }
  check_input(inputs, places.input_weights, shape({rows, x.back()}), "W");
  check_input(inputs, places.recurrent_weights, shape({rows, hidden}), "R");
  if (has_input(node, inputs, static_cast<std::size_t>(places.bias))) {
    check_input(inputs, places.bias, shape({bias_rows}), "B");
  }
  const DataType type = inputs[0].type.data_type;
  std::vector<TensorType> types(places.cell >= 0 ? 2 : 1, {type, state});
  if (sequence) {
    types.insert(types.begin(), {type, {batch, directions, x[1], hidden}});
  }
  return types;
}

void run_recurrent(RecurrentKind kind, bool sequence, const RecurrentSpec& spec,
                   std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Places places = places_of(kind, sequence);
  const Shape& shape = inputs[0].shape();
  const auto batch = static_cast<std::size_t>(shape[0]);
  const auto steps = sequence ? static_cast<std::size_t>(shape[1]) : 1;
  const auto directions = static_cast<std::size_t>(directions_of(spec));
  const Runner runner{.kind = kind,
                      .spec = spec,
                      .activations = activations_of(kind, spec),
                      .input_size = static_cast<std::size_t>(shape.back()),
                      .hidden_size = static_cast<std::size_t>(spec.hidden_size)};
  const std::vector<double> peepholes = doubles_of(inputs, places.peepholes);
  if (std::ranges::any_of(peepholes, [](double x) { return x != 0; })) {
    fail(ErrorCode::kUnsupported, "peephole weights that are not zero");
  }
  const std::vector<double> x = to_doubles(inputs[0]);
  std::vector<double> hidden = to_doubles(inputs[1]);
  std::vector<double> cell = doubles_of(inputs, places.cell);
  const std::vector<double> input_weights = doubles_of(inputs, places.input_weights);
  const std::vector<double> recurrent_weights = doubles_of(inputs, places.recurrent_weights);
  const std::vector<double> bias = doubles_of(inputs, places.bias);
  std::vector<std::int64_t> lengths(batch, static_cast<std::int64_t>(steps));
  if (sequence) {
    lengths = to_ints(inputs[static_cast<std::size_t>(places.lengths)]);
  }
  const std::size_t width = runner.hidden_size;
  std::vector<double> all(batch * directions * steps * width, 0);
  for (std::size_t n = 0; n < batch; ++n) {
    const auto length =
        static_cast<std::size_t>(std::clamp<std::int64_t>(lengths[n], 0, static_cast<std::int64_t>(steps)));
    for (std::size_t d = 0; d < directions; ++d) {
      const bool reverse = spec.direction == RecurrentDirection::kReverse || d == 1;
      const Direction direction{
          .input_weights = input_weights.data() + d * input_weights.size() / directions,
          .recurrent_weights = recurrent_weights.data() + d * recurrent_weights.size() / directions,
          .bias = bias.empty() ? nullptr : bias.data() + d * bias.size() / directions};
      const std::size_t at = (n * directions + d) * width;
      const auto part = [&](const std::vector<double>& states) {
        return states.empty() ? std::vector<double>()
                              : std::vector<double>(states.begin() + static_cast<std::ptrdiff_t>(at),
                                                    states.begin() + static_cast<std::ptrdiff_t>(at + width));
      };
      std::vector<double> h = part(hidden);
      std::vector<double> c = part(cell);
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t t = reverse ? length - 1 - i : i;
        runner.step(direction, x.data() + (n * steps + t) * runner.input_size, h, c);
        std::ranges::copy(h, all.begin() + static_cast<std::ptrdiff_t>(((n * directions + d) * steps + t) * width));
      }
      std::ranges::copy(h, hidden.begin() + static_cast<std::ptrdiff_t>(at));
      std::ranges::copy(c, cell.begin() + static_cast<std::ptrdiff_t>(c.empty() ? 0 : at));
    }
  }
  std::size_t next = 0;
  if (sequence) {
    store(outputs[next++], all);
  }
  store(outputs[next++], hidden);
  if (!cell.empty() && next < outputs.size()) {
    store(outputs[next], cell);
  }
}

}  // namespace fovea::ops
