// Types and execution of TensorIterator and Loop.
#include <algorithm>

#include "engine/ops/control_flow.hpp"
#include "engine/ops/interpreter.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Shapes of values that change from round to round settle after so many inferences, or get no rank.
constexpr int kMaxInferences = 3;

void check_loop(const LoopAttributes& attributes, const Node& node, std::size_t inputs, bool counted) {
  const Body& body = attributes.body;
  const std::size_t parameters = body.graph == nullptr ? 0 : body.graph->inputs.size();
  const std::size_t results = body.graph == nullptr ? 0 : body.graph->outputs.size();
  if ((attributes.counter && *attributes.counter >= parameters) ||
      (attributes.condition && *attributes.condition >= results) || (counted && inputs < 2)) {
    fail(ErrorCode::kInvalidModel, "has a counter or a condition that its body does not have");
  }
  check_body(body, node, inputs, attributes.counter);
  if (counted && !attributes.condition) {
    fail(ErrorCode::kInvalidModel, "has no output of its body with the purpose execution_condition");
  }
  const bool sliced = std::ranges::any_of(body.inputs, [](const BodyPort& port) { return port.slicing.has_value(); });
  if (!counted && !sliced) {
    fail(ErrorCode::kInvalidModel, "slices no input, which leaves the number of rounds open");
  }
}

TensorType counter_type(const LoopAttributes& attributes) {
  const Graph& body = *attributes.body.graph;
  TensorType type = body.value(body.inputs[*attributes.counter].value).type;
  check_index_type(type.data_type, "the type of the counter");
  if (!is_static(type.shape) || element_count(type.shape) != 1) {
    type.shape = {};
  }
  return type;
}

/// What the body's input is in the first round.
TensorType first_type(const BodyPort& port, const TensorType& outer) {
  TensorType type = outer;
  if (port.slicing) {
    const std::size_t axis = normalize_axis(port.slicing->axis, type.shape.size());
    check_range(port.slicing->part_size, 1, kMaxAttribute, "part_size");
    type.shape[axis] = port.slicing->part_size;
  }
  return type;
}

/// Rounds that the slicings of all inputs allow; kDynamic when an extent is not known.
std::int64_t sliced_rounds(const Body& body, const std::vector<TensorType>& outer) {
  std::optional<std::int64_t> rounds;
  for (const BodyPort& port : body.inputs) {
    if (!port.slicing) {
      continue;
    }
    const Shape& shape = outer[port.outer].shape;
    const std::int64_t extent = shape[normalize_axis(port.slicing->axis, shape.size())];
    if (extent == kDynamic) {
      return kDynamic;
    }
    const std::int64_t own = rounds_of(*port.slicing, extent);
    if (rounds && *rounds != own) {
      fail(ErrorCode::kInvalidModel, "slices its inputs into {} and {} parts", *rounds, own);
    }
    rounds = own;
  }
  return rounds.value_or(kDynamic);
}

bool flag_of(const ConstTensorView& tensor) {
  const std::vector<std::int64_t> values = to_ints(tensor);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "the condition is {}, expected a single value", to_string(tensor.type));
  }
  return values[0] != 0;
}

std::int64_t trip_count(const ConstTensorView& tensor) {
  const std::vector<std::int64_t> values = to_ints(tensor);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "the trip count is {}, expected a single value", to_string(tensor.type));
  }
  return values[0];
}

/// Rounds of a Loop when trip count and conditions are known ahead, else kDynamic.
std::int64_t counted_rounds(std::span<const InputInfo> inputs, const std::optional<Tensor>& condition) {
  if (inputs[1].value != nullptr && !flag_of(inputs[1].value->view())) {
    return 0;
  }
  const bool goes_on = inputs[1].value != nullptr && condition && flag_of(condition->view());
  if (inputs[0].value == nullptr || !goes_on) {
    return kDynamic;
  }
  const std::int64_t count = trip_count(inputs[0].value->view());
  return count < 0 ? kDynamic : count;
}

/// Types of the body's outputs, with types of its inputs that hold for all rounds.
BodyOutputs settled_outputs(const LoopAttributes& attributes, std::span<const InputInfo> inputs) {
  const Body& body = attributes.body;
  std::vector<InputInfo> parameters(body.graph->inputs.size());
  for (const BodyPort& port : body.inputs) {
    parameters[port.inner].type = first_type(port, inputs[port.outer].type);
    const bool same_each_round = !port.slicing && !port.after;
    parameters[port.inner].value = same_each_round ? inputs[port.outer].value : nullptr;
  }
  if (attributes.counter) {
    parameters[*attributes.counter].type = counter_type(attributes);
  }
  for (int i = 0;; ++i) {
    BodyOutputs outputs = infer_body(*body.graph, parameters);
    bool settled = true;
    for (const BodyPort& port : body.inputs) {
      if (!port.after) {
        continue;
      }
      TensorType& before = parameters[port.inner].type;
      const TensorType& next = outputs.types[*port.after];
      if (next.data_type != before.data_type) {
        fail(ErrorCode::kInvalidModel, "a round turns {} into {}", to_string(before), to_string(next));
      }
      const Shape both = i + 1 < kMaxInferences ? unite(before.shape, next.shape) : Shape{kUnknownRank};
      settled = settled && (before.shape == next.shape || both == before.shape);
      before.shape = before.shape == next.shape ? before.shape : both;
    }
    if (settled || i == kMaxInferences) {
      return outputs;
    }
  }
}

/// One run of a loop.
class Rounds {
 public:
  Rounds(const LoopAttributes& attributes, std::span<const ConstTensorView> inputs, std::size_t outputs)
      : attributes_(attributes), body_(attributes.body), inputs_(inputs), collected_(outputs) {
    parameters_.resize(body_.graph->inputs.size());
    std::vector<TensorType> types(parameters_.size());
    for (const BodyPort& port : body_.inputs) {
      const ConstTensorView& outer = inputs_[port.outer];
      types[port.inner] = first_type(port, outer.type);
      if (!port.slicing) {
        parameters_[port.inner] = Tensor(outer.type, outer.bytes, nullptr);  // the caller's, for as long as this runs
      }
    }
    if (attributes_.counter) {
      types[*attributes_.counter] = counter_type(attributes_);
    }
    interpreter_.emplace(prepared_body(*body_.graph, types));
  }

  /// \return Whether the body says to go on.
  bool run_round() {
    for (const BodyPort& port : body_.inputs) {
      if (port.slicing) {
        const ConstTensorView& outer = inputs_[port.outer];
        const std::size_t axis = normalize_axis(port.slicing->axis, outer.shape().size());
        const std::int64_t begin = part_begin(*port.slicing, outer.shape()[axis], round_);
        parameters_[port.inner] = part_of(outer, axis, begin, port.slicing->part_size);
      }
    }
    if (attributes_.counter) {
      Tensor counter(counter_type(attributes_));
      store(counter.mutable_view(), std::vector<std::int64_t>{round_});
      parameters_[*attributes_.counter] = counter;
    }
    last_ = interpreter_->run(parameters_);
    for (const BodyPort& port : body_.inputs) {
      if (port.after) {
        parameters_[port.inner] = last_[*port.after];
      }
    }
    for (const BodyPort& port : body_.outputs) {
      if (port.slicing && port.outer < collected_.size()) {
        keep(port.outer, last_[port.inner]);
      }
    }
    ++round_;
    return !attributes_.condition || flag_of(last_[*attributes_.condition].view());
  }

  [[nodiscard]] std::int64_t done() const { return round_; }

  /// \param types  As inferred; needed when no round ran.
  std::vector<Tensor> results(const std::vector<TensorType>& types) {
    std::vector<Tensor> results(collected_.size());
    for (const BodyPort& port : body_.outputs) {
      if (port.outer < results.size()) {
        results[port.outer] = port.slicing ? joined_output(port, types) : last_output(port);
      }
    }
    return results;
  }

 private:
  /// The sum is bounded while it grows, not when it is joined.
  void keep(std::size_t output, const Tensor& tensor) {
    kept_bytes_ += tensor.bytes().size();
    if (kept_bytes_ > kMaxRunTimeBytes) {
      fail(ErrorCode::kUnsupported, "the rounds' results take more than 2^32 bytes");
    }
    collected_[output].push_back(tensor);
  }

  Tensor joined_output(const BodyPort& port, const std::vector<TensorType>& types) {
    std::vector<Tensor>& parts = collected_[port.outer];
    if (parts.empty()) {
      const TensorType& type = types.at(port.outer);
      Shape shape = type.shape;
      if (has_rank(shape)) {
        shape[normalize_axis(port.slicing->axis, shape.size())] = 0;
      }
      if (!is_static(shape)) {
        fail(ErrorCode::kUnsupported, "output {} of no round at all has the open shape {}", port.outer,
             to_string(shape));
      }
      return Tensor(type.data_type, shape);
    }
    if (port.slicing->stride < 0) {
      std::ranges::reverse(parts);
    }
    return joined(parts, normalize_axis(port.slicing->axis, parts[0].shape().size()));
  }

  /// Of no round at all: what would have gone into the first.
  Tensor last_output(const BodyPort& port) {
    if (!last_.empty()) {
      return last_[port.inner].clone();  // may be the memory of an input, which is the caller's
    }
    const auto before = std::ranges::find(body_.inputs, std::optional(port.inner), &BodyPort::after);
    if (before == body_.inputs.end() || before->slicing) {
      fail(ErrorCode::kInvalidArgument, "no round ran, and output {} has no value before the first", port.outer);
    }
    return parameters_[before->inner].clone();
  }

  const LoopAttributes& attributes_;
  const Body& body_;
  std::span<const ConstTensorView> inputs_;
  std::optional<Interpreter> interpreter_;
  std::vector<Tensor> parameters_;
  std::vector<Tensor> last_;                    ///< Outputs of the last round.
  std::vector<std::vector<Tensor>> collected_;  ///< By output of the node.
  std::size_t kept_bytes_ = 0;
  std::int64_t round_ = 0;
};

}  // namespace

std::vector<TensorType> infer_loop(const Node& node, std::span<const InputInfo> inputs, bool counted) {
  const auto& attributes = node.attrs<LoopAttributes>();
  check_loop(attributes, node, inputs.size(), counted);
  const Body& body = attributes.body;
  std::vector<TensorType> outer;
  for (const InputInfo& input : inputs) {
    outer.push_back(input.type);
  }
  const BodyOutputs outputs = settled_outputs(attributes, inputs);
  const std::int64_t rounds =
      counted ? counted_rounds(inputs, outputs.known[*attributes.condition]) : sliced_rounds(body, outer);
  std::vector<TensorType> types(body.outputs.size());
  for (const BodyPort& port : body.outputs) {
    TensorType type = outputs.types[port.inner];
    if (port.slicing && has_rank(type.shape)) {
      std::int64_t& extent = type.shape[normalize_axis(port.slicing->axis, type.shape.size())];
      extent = rounds == kDynamic || extent == kDynamic ? kDynamic : multiply_extents(rounds, extent);
    }
    const auto before = std::ranges::find(body.inputs, std::optional(port.inner), &BodyPort::after);
    if (!port.slicing && before != body.inputs.end() && rounds < 1) {
      type.shape = unite(type.shape, first_type(*before, outer[before->outer]).shape);  // may not run at all
    }
    if (port.outer < types.size()) {
      types[port.outer] = type;
    }
  }
  return types;
}

std::vector<Tensor> compute_loop(const Node& node, std::span<const ConstTensorView> inputs, bool counted) {
  const auto& attributes = node.attrs<LoopAttributes>();
  std::vector<InputInfo> infos;
  std::vector<TensorType> outer;
  for (const ConstTensorView& input : inputs) {
    infos.push_back({input.type, nullptr});
    outer.push_back(input.type);
  }
  const std::int64_t wanted = counted ? trip_count(inputs[0]) : sliced_rounds(attributes.body, outer);
  const std::int64_t sliced = counted ? sliced_rounds(attributes.body, outer) : kDynamic;
  const std::int64_t most = sliced == kDynamic ? wanted : wanted < 0 ? sliced : std::min(wanted, sliced);
  bool go_on = !counted || flag_of(inputs[1]);
  Rounds rounds(attributes, inputs, node.outputs.size());
  while (go_on && (most < 0 || rounds.done() < most)) {
    if (rounds.done() == kMaxRounds) {
      fail(ErrorCode::kUnsupported, "runs more than {} rounds", kMaxRounds);
    }
    go_on = rounds.run_round();
  }
  return rounds.results(rounds.done() == 0 ? infer_loop(node, infos, counted) : std::vector<TensorType>());
}

}  // namespace fovea::ops
