#include "engine/frontends/onnx/ops/bodies.hpp"

#include <algorithm>

#include "engine/frontends/onnx/importer.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"
#include "engine/ops/control_flow.hpp"

namespace fovea::onnx {
namespace {

using importer::GraphBuilder;

/// Extents that differ from round to round stay open after so many attempts, and with them all others.
constexpr int kMaxAttempts = 2;

/// Where values that go from round to round stand among a body's own inputs and its outputs.
struct States {
  std::size_t first_input = 0;
  std::size_t first_output = 0;
  std::size_t count = 0;
};

/// Opens the extents that a round changes. \return Whether there are none.
bool settle(const NodeContext& node, const Graph& body, const States& states, int attempt,
            std::vector<TensorType>& types) {
  bool settled = true;
  for (std::size_t i = 0; i < states.count; ++i) {
    TensorType& before = types[states.first_input + i];
    const TensorType& next = body.value(body.outputs[states.first_output + i].value).type;
    if (next.data_type != before.data_type) {
      node.invalid(
          fmt::format("has a body that turns state {} from {} into {}", i, to_string(before), to_string(next)));
    }
    const Shape both = ops::unite(before.shape, next.shape);
    if (!has_rank(both)) {
      node.unsupported(fmt::format("has a body that changes the rank of state {}, from {} to {}", i, to_string(before),
                                   to_string(next)));
    }
    if (both != before.shape) {
      settled = false;
      before.shape = attempt < kMaxAttempts ? both : Shape(both.size(), kDynamic);
    }
  }
  return settled;
}

/// The body with states whose types hold for all rounds.
/// \param types  Of the body's own inputs in the first round.
BuiltBody build_settled(NodeContext& node, std::vector<TensorType> types, const States& states,
                        const AdaptValues& prepare, const AdaptValues& finish) {
  const proto::GraphProto& source = node.subgraph("body");
  if (static_cast<std::size_t>(source.output_size()) < states.first_output + states.count) {
    node.invalid(fmt::format("has a body with {} outputs, expected at least {}", source.output_size(),
                             states.first_output + states.count));
  }
  for (int attempt = 0;; ++attempt) {
    BuiltBody built = node.importer().build_body(source, types, prepare, finish);
    if (settle(node, built.graph, states, attempt, types)) {
      return built;
    }
  }
}

/// Connects what the body captured with the node's inputs behind those it has.
void connect_captured(const BuiltBody& built, ops::Body& body, Values& inputs) {
  std::size_t inner = built.graph.inputs.size() - built.captured.size();
  for (const ValueId value : built.captured) {
    body.inputs.push_back({.inner = inner++, .outer = inputs.size(), .slicing = {}, .after = {}});
    inputs.push_back(value);
  }
}

ops::Slicing slicing(std::int64_t axis, bool reversed) {
  return reversed ? ops::Slicing{.axis = axis, .start = -1, .end = 0, .stride = -1, .part_size = 1}
                  : ops::Slicing{.axis = axis, .start = 0, .end = -1, .stride = 1, .part_size = 1};
}

}  // namespace

Values add_if(NodeContext& node, ValueId condition) {
  ops::IfAttributes attributes;
  Values inputs = {node.reshape(condition, {})};
  const auto branch = [&](const char* name) {
    BuiltBody built = node.importer().build_body(node.subgraph(name), {}, {}, {});
    ops::Body body;
    connect_captured(built, body, inputs);
    for (std::size_t i = 0; i < built.graph.outputs.size(); ++i) {
      body.outputs.push_back({.inner = i, .outer = i, .slicing = {}, .after = {}});
    }
    body.graph = std::make_shared<const Graph>(std::move(built.graph));
    return body;
  };
  attributes.then_body = branch("then_branch");
  attributes.else_body = branch("else_branch");
  const std::size_t outputs = attributes.then_body.outputs.size();
  return node.add_bodies("If", inputs, outputs, std::move(attributes));
}

Values add_loop(NodeContext& node) {
  ValueId trips = node.integer_scalar(-1);  // no limit
  if (const auto known = node.known_integers(0)) {
    trips = node.integer_scalar(std::max<std::int64_t>(node.constant_integer(0, "trip count"), 0));
  } else if (node.has_input(0)) {
    trips =
        node.add("Maximum", {node.reshape(node.convert(node.input(0), DataType::kI64), {}), node.integer_scalar(0)});
  }
  const ValueId condition =
      node.has_input(1) ? node.reshape(node.input(1), {}) : node.constant(Tensor::scalar<bool>(true));
  Values inputs = {trips, condition};
  std::vector<TensorType> types = {{DataType::kI64, {}}, {DataType::kBool, {}}};
  for (std::size_t i = 2; i < node.input_count(); ++i) {
    inputs.push_back(node.input(i));
    types.push_back(node.type(node.input(i)));
    (void)node.rank(node.input(i));
  }
  const std::size_t states = types.size() - 2;
  const auto finish = [&](GraphBuilder& builder, const Values& outputs) {
    Values results = outputs;
    results[0] = builder.reshape({}, outputs[0], {}, false);
    for (std::size_t i = 1 + states; i < results.size(); ++i) {
      results[i] = builder.add("Unsqueeze", {}, {outputs[i], builder.ints({0})});
    }
    return results;
  };
  BuiltBody built = build_settled(node, types, {.first_input = 2, .first_output = 1, .count = states}, {}, finish);
  ops::LoopAttributes attributes;
  attributes.counter = 0;
  attributes.condition = 0;
  ops::Body& body = attributes.body;
  body.inputs.push_back({.inner = 1, .outer = 1, .slicing = {}, .after = 0});
  for (std::size_t i = 0; i < states; ++i) {
    body.inputs.push_back({.inner = 2 + i, .outer = 2 + i, .slicing = {}, .after = 1 + i});
  }
  connect_captured(built, body, inputs);
  for (std::size_t i = 1; i < built.graph.outputs.size(); ++i) {
    const bool collected = i > states;
    body.outputs.push_back({.inner = i,
                            .outer = i - 1,
                            .slicing = collected ? std::optional(slicing(0, false)) : std::nullopt,
                            .after = {}});
  }
  body.graph = std::make_shared<const Graph>(std::move(built.graph));
  const std::size_t outputs = body.outputs.size();
  return node.add_bodies("Loop", inputs, outputs, std::move(attributes));
}

Values add_scan(NodeContext& node, const ScanForm& form) {
  const std::size_t states = form.states.size();
  Values inputs = form.states;
  inputs.insert(inputs.end(), form.sequences.begin(), form.sequences.end());
  std::vector<TensorType> types;
  for (const ValueId value : inputs) {
    types.push_back({node.data_type(value), node.shape(value)});
  }
  for (std::size_t i = 0; i < form.sequences.size(); ++i) {
    types[states + i].shape[static_cast<std::size_t>(form.input_axes[i])] = 1;
  }
  const auto prepare = [&](GraphBuilder& builder, const Values& values) {
    Values parts = values;
    for (std::size_t i = 0; i < form.sequences.size(); ++i) {
      parts[states + i] = builder.add("Squeeze", {}, {values[states + i], builder.ints({form.input_axes[i]})});
    }
    return parts;
  };
  const auto axis_of = [&](std::size_t i) { return i < form.output_axes.size() ? form.output_axes[i] : 0; };
  std::vector<std::int64_t> joined_axes;  // from the front
  const auto finish = [&](GraphBuilder& builder, const Values& outputs) {
    Values results = outputs;
    joined_axes.clear();
    for (std::size_t i = states; i < results.size(); ++i) {
      results[i] = builder.add("Unsqueeze", {}, {outputs[i], builder.ints({axis_of(i - states)})});
      joined_axes.push_back(node.normal_axis(axis_of(i - states), builder.rank(results[i])));
    }
    return results;
  };
  BuiltBody built = build_settled(node, types, {.first_input = 0, .first_output = 0, .count = states}, prepare, finish);
  ops::LoopAttributes attributes;
  ops::Body& body = attributes.body;
  for (std::size_t i = 0; i < states; ++i) {
    body.inputs.push_back({.inner = i, .outer = i, .slicing = {}, .after = i});
  }
  for (std::size_t i = 0; i < form.sequences.size(); ++i) {
    body.inputs.push_back({.inner = states + i,
                           .outer = states + i,
                           .slicing = slicing(form.input_axes[i], form.input_reversed[i]),
                           .after = {}});
  }
  connect_captured(built, body, inputs);
  for (std::size_t i = 0; i < built.graph.outputs.size(); ++i) {
    const std::size_t joined = i < states ? 0 : i - states;
    const bool reversed = joined < form.output_reversed.size() && form.output_reversed[joined];
    body.outputs.push_back(
        {.inner = i,
         .outer = i,
         .slicing = i < states ? std::nullopt : std::optional(slicing(joined_axes[joined], reversed)),
         .after = {}});
  }
  body.graph = std::make_shared<const Graph>(std::move(built.graph));
  const std::size_t outputs = body.outputs.size();
  return node.add_bodies("TensorIterator", inputs, outputs, std::move(attributes));
}

}  // namespace fovea::onnx
