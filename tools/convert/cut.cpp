#include "tools/convert/cut.hpp"

#include <algorithm>

#include "engine/base/text.hpp"
#include "engine/graph/model.hpp"
#include "engine/ops/shape_inference.hpp"
#include "tools/convert/arguments.hpp"

namespace fovea::tools {
namespace {

constexpr std::string_view kInput = "--input";
constexpr std::string_view kOutput = "--output";

ValueId find_port_value(const std::vector<GraphPort>& ports, std::string_view name) {
  for (const GraphPort& port : ports) {
    if (port.name == name || std::ranges::find(port.aliases, name) != port.aliases.end()) {
      return port.value;
    }
  }
  return kNone;
}

ValueId find_node_output(const Graph& graph, std::string_view name, std::size_t output) {
  for (const Node& node : graph.nodes) {
    if (node.name == name && output < node.outputs.size()) {
      return node.outputs[output];
    }
  }
  return kNone;
}

/// `values` in the type and shape; a single one fills it.
Tensor filled(const TensorType& type, const std::vector<double>& values, std::string_view name) {
  if (!is_static(type.shape)) {
    fail(ErrorCode::kInvalidArgument, "{}: '{}' has the dynamic shape {}; give one in brackets to freeze it", kInput,
         name, to_string(type.shape));
  }
  const std::size_t count = element_count(type.shape);
  if (values.size() != 1 && values.size() != count) {
    fail(ErrorCode::kInvalidArgument, "{}: '{}' is {} and takes {} values or one, not {}", kInput, name,
         to_string(type), count, values.size());
  }
  Tensor tensor(type);
  store(tensor.mutable_view(), values.size() == count ? values : std::vector<double>(count, values[0]));
  return tensor;
}

/// Values that some output needs.
std::vector<bool> needed_values(const Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNone) {
      needed[static_cast<std::size_t>(id)] = true;
    }
  };
  for (const GraphPort& port : graph.outputs) {
    mark(port.value);
  }
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (std::ranges::any_of(node.outputs, [&](ValueId id) { return needed[static_cast<std::size_t>(id)]; })) {
      std::ranges::for_each(node.inputs, mark);
    }
  }
  return needed;
}

/// The value stops being computed: a new one of the same name takes its place, as input or constant.
ValueId replace_by(Graph& graph, ValueId old, Value fresh) {
  fresh.name = graph.value(old).name;
  fresh.producer = kNone;
  graph.value(old).name = graph.unique_value_name(fresh.name + "/cut");
  const auto id = static_cast<ValueId>(graph.values.size());
  graph.values.push_back(std::move(fresh));
  graph.replace_uses(old, id);
  return id;
}

struct ChosenInput {
  ValueId old = kNone;
  PortArgument argument;
};

TensorType chosen_type(const Graph& graph, const ChosenInput& chosen) {
  TensorType type = graph.value(chosen.old).type;
  if (chosen.argument.list) {
    type.shape = shape_of(chosen.argument, kInput);
  }
  type.data_type = chosen.argument.type.value_or(type.data_type);
  return type;
}

GraphPort port_of(const Graph& graph, const ChosenInput& chosen) {
  const auto port = std::ranges::find(graph.inputs, chosen.old, &GraphPort::value);
  return port != graph.inputs.end()
             ? *port
             : GraphPort{.value = kNone, .name = chosen.argument.name, .aliases = {}, .layout = {}};
}

}  // namespace

ValueId find_value(const Graph& graph, std::string_view name, std::string_view option) {
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    if (const ValueId value = find_port_value(*ports, name); value != kNone) {
      return value;
    }
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].name == name) {
      return static_cast<ValueId>(i);
    }
  }
  const std::size_t colon = name.rfind(':');
  const auto number = colon == std::string_view::npos ? std::nullopt : parse_int(name.substr(colon + 1));
  const bool with_output = number && *number >= 0;
  const ValueId value = with_output ? find_node_output(graph, name.substr(0, colon), static_cast<std::size_t>(*number))
                                    : find_node_output(graph, name, 0);
  if (value != kNone) {
    return value;
  }
  std::vector<std::string_view> names;
  for (const Node& node : graph.nodes) {
    names.push_back(node.name);
  }
  for (const GraphPort& port : graph.inputs) {
    names.push_back(port.name);
  }
  fail(ErrorCode::kNotFound, "{}: the model has no node or tensor '{}'{}", option, name, did_you_mean(name, names));
}

void choose_inputs(Graph& graph, std::string_view text, std::vector<std::string>& changes) {
  std::vector<ChosenInput> all;
  for (PortArgument& argument : parse_port_arguments(text, kInput)) {
    const ValueId value = argument.name.empty() ? graph.inputs[find_port(graph.inputs, "", "input")].value
                                                : find_value(graph, argument.name, kInput);
    if (graph.is_constant(value) || std::ranges::find(all, value, &ChosenInput::old) != all.end()) {
      fail(ErrorCode::kInvalidArgument, "{}: '{}' is {}", kInput, argument.name,
           graph.is_constant(value) ? "a constant" : "named twice");
    }
    all.push_back({value, std::move(argument)});
  }
  std::vector<GraphPort> inputs;
  for (const ChosenInput& chosen : all) {
    const TensorType type = chosen_type(graph, chosen);
    GraphPort port = port_of(graph, chosen);
    const bool cut = graph.value(chosen.old).producer != kNone;
    Value fresh{.name = {}, .type = type, .producer = kNone, .constant = {}};
    if (chosen.argument.frozen) {
      fresh.constant = filled(type, numbers_of(*chosen.argument.frozen, kInput), port.name);
      replace_by(graph, chosen.old, std::move(fresh));
      changes.push_back(fmt::format("froze '{}' ({})", port.name, to_string(type)));
      continue;
    }
    port.value = replace_by(graph, chosen.old, std::move(fresh));
    if (cut) {
      changes.push_back(fmt::format("cut the model at '{}': now an input of {}", port.name, to_string(type)));
    } else if (chosen.argument.list || chosen.argument.type) {
      changes.push_back(fmt::format("input '{}' is {}", port.name, to_string(type)));
    }
    inputs.push_back(std::move(port));
  }
  const std::vector<bool> needed = needed_values(graph);
  for (const GraphPort& port : graph.inputs) {
    if (needed[static_cast<std::size_t>(port.value)]) {
      fail(ErrorCode::kInvalidArgument, "{}: the outputs still need the input '{}'; name it too, or freeze it with ->",
           kInput, port.name);
    }
    if (std::ranges::find(all, port.value, &ChosenInput::old) == all.end() &&
        std::ranges::find(inputs, port.name, &GraphPort::name) == inputs.end()) {
      changes.push_back(fmt::format("removed the input '{}', which nothing needs any more", port.name));
    }
  }
  graph.inputs = std::move(inputs);
  graph.compact();
  infer_shapes(graph);
}

void choose_outputs(Graph& graph, std::string_view text, std::vector<std::string>& changes) {
  std::vector<GraphPort> outputs;
  for (const PortArgument& argument : parse_port_arguments(text, kOutput)) {
    if (argument.name.empty() || argument.list || argument.type || argument.frozen) {
      fail(ErrorCode::kInvalidArgument, "{}: expected names separated by commas, found '{}'", kOutput, text);
    }
    const ValueId value = find_value(graph, argument.name, kOutput);
    if (graph.is_constant(value)) {
      fail(ErrorCode::kInvalidArgument, "{}: '{}' is a constant", kOutput, argument.name);
    }
    const auto same = std::ranges::find(graph.outputs, value, &GraphPort::value);
    outputs.push_back(same != graph.outputs.end()
                          ? *same
                          : GraphPort{.value = value, .name = argument.name, .aliases = {}, .layout = {}});
    if (same == graph.outputs.end()) {
      changes.push_back(fmt::format("cut the model at '{}': now an output", argument.name));
    }
  }
  graph.outputs = std::move(outputs);
  const std::vector<bool> needed = needed_values(graph);
  std::erase_if(graph.inputs, [&](const GraphPort& port) {
    const bool useless = !needed[static_cast<std::size_t>(port.value)];
    if (useless) {
      changes.push_back(fmt::format("removed the input '{}', which the outputs do not need", port.name));
    }
    return useless;
  });
  graph.compact();
}

}  // namespace fovea::tools
