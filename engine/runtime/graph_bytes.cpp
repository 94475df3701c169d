#include "engine/runtime/graph_bytes.hpp"

#include <sstream>

#include "engine/ops/op_def.hpp"
#include "engine/ops/string_source.hpp"

namespace fovea {
namespace {

constexpr std::size_t kLeastEntry = 8;  // bytes of anything in a list: its first text's length

void write_type(ByteWriter& out, const TensorType& type) {
  out.put(type.data_type);
  out.put_list(type.shape);
}

TensorType read_type(ByteReader& in) {
  const auto data_type = in.get<DataType>();
  TensorType type{data_type, in.get_list<std::int64_t>()};
  if (!parse_data_type(to_string(data_type))) {
    fail(ErrorCode::kInvalidModel, "element type {}", static_cast<int>(data_type));
  }
  return type;
}

std::string print_attributes(const Node& node) {
  std::ostringstream text;
  if (node.attributes.has_value()) {
    node.op->attributes.print(text, node.attributes);
  }
  return text.str();
}

int opset_of(const Node& node) {
  return node.attributes.has_value() && node.op->attributes.opset != nullptr
             ? node.op->attributes.opset(node.attributes)
             : 1;
}

/// From " name=value name=value", as AttributeOps::print writes.
std::any parse_attributes(const OpDef& op, const std::string& node, std::string_view text, int opset) {
  if (op.attributes.read == nullptr) {
    return {};
  }
  StringSource source(fmt::format("node '{}' ({})", node, op.name), opset);
  for (const std::string& pair : split(text, ' ')) {
    if (const auto equals = pair.find('='); equals != std::string::npos) {
      source.set(pair.substr(0, equals), pair.substr(equals + 1));
    }
  }
  return op.attributes.read(source);
}

/// The text form gives the same attributes again.
bool has_exact_text(const Node& node) {
  if (node.op->has_bodies) {
    return false;
  }
  if (!node.attributes.has_value()) {
    return node.op->attributes.read == nullptr;
  }
  try {
    const std::any again = parse_attributes(*node.op, node.name, print_attributes(node), opset_of(node));
    return node.op->attributes.equal(node.attributes, again);
  } catch (const Error&) {
    return false;
  }
}

void write_node(ByteWriter& out, const Node& node) {
  out.put(node.op->name);
  out.put(node.name);
  out.put(print_attributes(node));
  out.put(opset_of(node));
  out.put_list(node.inputs);
  out.put_list(node.outputs);
  out.put(static_cast<std::uint64_t>(node.post_ops.size()));
  for (const PostOp& op : node.post_ops) {
    out.put(op.kind);
    out.put(op.alpha);
    out.put(op.beta);
    out.put(op.operand);
  }
}

Node read_node(ByteReader& in) {
  Node node;
  const std::string op = in.get_text();
  node.op = find_op(op);
  node.name = in.get_text();
  if (node.op == nullptr) {
    fail(ErrorCode::kInvalidModel, "node '{}': unknown operator '{}'", node.name, op);
  }
  const std::string attributes = in.get_text();
  node.attributes = parse_attributes(*node.op, node.name, attributes, in.get<int>());
  node.inputs = in.get_list<ValueId>();
  node.outputs = in.get_list<ValueId>();
  const std::size_t count = in.get_count(sizeof(PostOpKind) + 2 * sizeof(float) + sizeof(int));
  for (std::size_t i = 0; i < count; ++i) {
    PostOp post_op{.kind = in.get<PostOpKind>()};
    post_op.alpha = in.get<float>();
    post_op.beta = in.get<float>();
    post_op.operand = in.get<int>();
    if (post_op.kind > PostOpKind::kPRelu) {
      fail(ErrorCode::kInvalidModel, "node '{}': post-op {}", node.name, static_cast<int>(post_op.kind));
    }
    node.post_ops.push_back(post_op);
  }
  return node;
}

void write_ports(ByteWriter& out, const std::vector<GraphPort>& ports) {
  out.put(static_cast<std::uint64_t>(ports.size()));
  for (const GraphPort& port : ports) {
    out.put(port.name);
    out.put(port.value);
    out.put(port.layout);
    out.put(static_cast<std::uint64_t>(port.aliases.size()));
    for (const std::string& alias : port.aliases) {
      out.put(alias);
    }
    out.put(static_cast<std::uint64_t>(port.ranges.size()));
    for (const ExtentRange& range : port.ranges) {
      out.put(range.least);
      out.put(range.most);
    }
  }
}

std::vector<GraphPort> read_ports(ByteReader& in) {
  std::vector<GraphPort> ports(in.get_count(kLeastEntry));
  for (GraphPort& port : ports) {
    port.name = in.get_text();
    port.value = in.get<ValueId>();
    port.layout = in.get_text();
    port.aliases.resize(in.get_count(kLeastEntry));
    for (std::string& alias : port.aliases) {
      alias = in.get_text();
    }
    port.ranges.resize(in.get_count(2 * sizeof(std::int64_t)));
    for (ExtentRange& range : port.ranges) {
      range.least = in.get<std::int64_t>();
      range.most = in.get<std::int64_t>();
    }
  }
  return ports;
}

Graph read_parts(ByteReader& in, const std::function<Tensor(const TensorType&)>& constant) {
  Graph graph;
  graph.name = in.get_text();
  graph.values.resize(in.get_count(kLeastEntry));
  for (Value& value : graph.values) {
    value.name = in.get_text();
    value.type = read_type(in);
    value.producer = in.get<NodeId>();
    if (in.get<bool>()) {
      value.constant = constant(value.type);
    }
  }
  const std::size_t nodes = in.get_count(kLeastEntry);
  for (std::size_t i = 0; i < nodes; ++i) {
    graph.nodes.push_back(read_node(in));
  }
  graph.inputs = read_ports(in);
  graph.outputs = read_ports(in);
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    for (const GraphPort& port : *ports) {
      if (port.value < 0 || static_cast<std::size_t>(port.value) >= graph.values.size()) {
        fail(ErrorCode::kInvalidModel, "port '{}' refers to value {}", port.name, port.value);
      }
    }
  }
  return graph;
}

}  // namespace

bool write_graph(ByteWriter& out, const Graph& graph, const std::function<void(const Tensor&)>& constant) {
  out.put(graph.name);
  out.put(static_cast<std::uint64_t>(graph.values.size()));
  for (const Value& value : graph.values) {
    out.put(value.name);
    write_type(out, value.type);
    out.put(value.producer);
    out.put(value.constant.has_value());
    if (value.constant) {
      constant(*value.constant);
    }
  }
  out.put(static_cast<std::uint64_t>(graph.nodes.size()));
  for (const Node& node : graph.nodes) {
    if (!has_exact_text(node)) {
      return false;
    }
    write_node(out, node);
  }
  write_ports(out, graph.inputs);
  write_ports(out, graph.outputs);
  return true;
}

Graph read_graph(ByteReader& in, const std::function<Tensor(const TensorType&)>& constant) {
  Graph graph = read_parts(in, constant);
  verify(graph);
  return graph;
}

void write_outline(ByteWriter& out, const Model& outline) {
  out.put(outline.name);
  out.put(outline.format);
  out.put(outline.hash);
  out.put(static_cast<std::uint64_t>(outline.metadata.size()));
  for (const auto& [key, text] : outline.metadata) {
    out.put(key);
    out.put(text);
  }
  write_graph(out, outline.graph, [](const Tensor&) {});
}

Model read_outline(ByteReader& in) {
  Model outline;
  outline.name = in.get_text();
  outline.format = in.get_text();
  outline.hash = in.get_text();
  const std::size_t entries = in.get_count(2 * kLeastEntry);
  for (std::size_t i = 0; i < entries; ++i) {
    std::string key = in.get_text();
    outline.metadata[std::move(key)] = in.get_text();
  }
  outline.graph =
      read_parts(in, [](const TensorType&) -> Tensor { fail(ErrorCode::kInvalidModel, "an outline with constants"); });
  return outline;
}

}  // namespace fovea
