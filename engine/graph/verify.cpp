// The rules of a legal graph, as one list of checks.
#include <set>

#include "engine/graph/graph.hpp"

namespace fovea {
namespace {

void check_id(const Graph& graph, ValueId id, std::string_view where) {
  if (id < 0 || static_cast<std::size_t>(id) >= graph.values.size()) {
    fail(ErrorCode::kInternal, "graph '{}': {} refers to value {} of {}", graph.name, where, id, graph.values.size());
  }
}

void check_nodes(const Graph& graph) {
  std::vector<bool> defined(graph.values.size());
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    defined[i] = graph.values[i].constant.has_value();
  }
  for (const GraphPort& port : graph.inputs) {
    defined[static_cast<std::size_t>(port.value)] = true;
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op == nullptr || node.outputs.empty()) {
      fail(ErrorCode::kInternal, "node '{}' has no operator or no output", node.name);
    }
    for (const ValueId input : node.inputs) {
      if (input == kNone) {
        continue;
      }
      check_id(graph, input, node.name);
      if (!defined[static_cast<std::size_t>(input)]) {
        fail(ErrorCode::kInternal, "node '{}' reads '{}' before it is computed", node.name, graph.value(input).name);
      }
    }
    for (const PostOp& op : node.post_ops) {
      if (op.operand != kNone && (op.operand < 0 || static_cast<std::size_t>(op.operand) >= node.inputs.size())) {
        fail(ErrorCode::kInternal, "node '{}': post-op operand {} of {} inputs", node.name, op.operand,
             node.inputs.size());
      }
    }
    for (const ValueId output : node.outputs) {
      check_id(graph, output, node.name);
      if (graph.value(output).producer != static_cast<NodeId>(n) || defined[static_cast<std::size_t>(output)]) {
        fail(ErrorCode::kInternal, "value '{}' has another producer than node '{}'", graph.value(output).name,
             node.name);
      }
      defined[static_cast<std::size_t>(output)] = true;
    }
  }
  for (const GraphPort& port : graph.outputs) {
    check_id(graph, port.value, port.name);
    if (!defined[static_cast<std::size_t>(port.value)]) {
      fail(ErrorCode::kInternal, "graph output '{}' is never computed", port.name);
    }
  }
}

void check_values(const Graph& graph) {
  std::set<std::string_view> names;
  for (const Value& value : graph.values) {
    if (!names.insert(value.name).second) {
      fail(ErrorCode::kInternal, "two values are named '{}'", value.name);
    }
    if (value.constant && value.constant->type() != value.type) {
      fail(ErrorCode::kInternal, "constant '{}' holds {} but is declared {}", value.name,
           to_string(value.constant->type()), to_string(value.type));
    }
    if (value.constant && value.producer != kNone) {
      fail(ErrorCode::kInternal, "constant '{}' has a producer", value.name);
    }
  }
}

}  // namespace

void verify(const Graph& graph) {
  check_values(graph);
  for (const GraphPort& port : graph.inputs) {
    check_id(graph, port.value, port.name);
    if (graph.value(port.value).producer != kNone || graph.is_constant(port.value)) {
      fail(ErrorCode::kInternal, "graph input '{}' is computed", port.name);
    }
  }
  check_nodes(graph);
}

}  // namespace fovea
