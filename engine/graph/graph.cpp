#include "engine/graph/graph.hpp"

#include <algorithm>

namespace fovea {

ValueId Graph::add_input(std::string_view input_name, TensorType type) {
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({.name = std::string(input_name), .type = std::move(type), .producer = kNone, .constant = {}});
  inputs.push_back({.value = id, .name = std::string(input_name), .aliases = {}, .layout = {}});
  return id;
}

ValueId Graph::add_constant(std::string_view constant_name, Tensor tensor) {
  const auto id = static_cast<ValueId>(values.size());
  TensorType type = tensor.type();
  values.push_back(
      {.name = std::string(constant_name), .type = std::move(type), .producer = kNone, .constant = std::move(tensor)});
  return id;
}

NodeId Graph::add_node(Node node, const std::vector<TensorType>& output_types) {
  const auto id = static_cast<NodeId>(nodes.size());
  node.outputs.clear();
  for (std::size_t i = 0; i < output_types.size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(values.size()));
    values.push_back({.name = i == 0 ? node.name : node.name + ";" + std::to_string(i),
                      .type = output_types[i],
                      .producer = id,
                      .constant = {}});
  }
  nodes.push_back(std::move(node));
  return id;
}

void Graph::add_output(ValueId value_id, std::string_view output_name) {
  outputs.push_back({.value = value_id, .name = std::string(output_name), .aliases = {}, .layout = {}});
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& reader : nodes) {
    std::ranges::replace(reader.inputs, from, to);
  }
  for (GraphPort& output : outputs) {
    if (output.value == from) {
      output.value = to;
    }
  }
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(values.size(), 0);
  for (const Node& reader : nodes) {
    for (const ValueId input : reader.inputs) {
      if (input != kNone) {
        ++counts[static_cast<std::size_t>(input)];
      }
    }
  }
  for (const GraphPort& output : outputs) {
    ++counts[static_cast<std::size_t>(output.value)];
  }
  return counts;
}

void Graph::erase_nodes(const std::vector<bool>& erase) {
  std::vector<Node> kept;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (erase[i]) {
      continue;
    }
    for (const ValueId output : nodes[i].outputs) {
      value(output).producer = static_cast<NodeId>(kept.size());
    }
    kept.push_back(std::move(nodes[i]));
  }
  nodes = std::move(kept);
}

std::string Graph::unique_value_name(const std::string& wanted) const {
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::find(values, candidate, &Value::name) != values.end();
  };
  std::string candidate = wanted;
  for (int i = 2; taken(candidate); ++i) {
    candidate = wanted + "#" + std::to_string(i);
  }
  return candidate;
}

bool Graph::compact() {
  std::vector<bool> live(values.size(), false);
  for (const GraphPort& port : outputs) {
    live[static_cast<std::size_t>(port.value)] = true;
  }
  std::vector<bool> node_live(nodes.size(), false);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    node_live[i] =
        std::ranges::any_of(nodes[i].outputs, [&](ValueId id) { return live[static_cast<std::size_t>(id)]; });
    if (node_live[i]) {
      for (const ValueId id : nodes[i].inputs) {
        if (id != kNone) {
          live[static_cast<std::size_t>(id)] = true;
        }
      }
      for (const ValueId id : nodes[i].outputs) {
        live[static_cast<std::size_t>(id)] = true;
      }
    }
  }
  for (const GraphPort& port : inputs) {
    live[static_cast<std::size_t>(port.value)] = true;
  }
  if (std::ranges::find(live, false) == live.end() && std::ranges::find(node_live, false) == node_live.end()) {
    return false;
  }

  std::vector<ValueId> renamed(values.size(), kNone);
  std::vector<Value> kept_values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (live[i]) {
      renamed[i] = static_cast<ValueId>(kept_values.size());
      kept_values.push_back(std::move(values[i]));
    }
  }
  const auto rename = [&](ValueId& id) { id = id == kNone ? kNone : renamed[static_cast<std::size_t>(id)]; };
  std::vector<Node> kept_nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!node_live[i]) {
      continue;
    }
    Node& kept = nodes[i];
    std::ranges::for_each(kept.inputs, rename);
    std::ranges::for_each(kept.outputs, rename);
    for (const ValueId id : kept.outputs) {
      kept_values[static_cast<std::size_t>(id)].producer = static_cast<NodeId>(kept_nodes.size());
    }
    kept_nodes.push_back(std::move(kept));
  }
  for (GraphPort& port : inputs) {
    rename(port.value);
  }
  for (GraphPort& port : outputs) {
    rename(port.value);
  }
  nodes = std::move(kept_nodes);
  values = std::move(kept_values);
  return true;
}

}  // namespace fovea
