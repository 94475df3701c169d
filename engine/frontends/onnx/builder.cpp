#include "engine/frontends/onnx/builder.hpp"

#include <algorithm>

#include "engine/ops/string_source.hpp"

namespace fovea::onnx {
namespace {

/// Unrolled loops must not grow without bound; real models have some thousands of nodes.
constexpr std::size_t kMaxNodes = 200'000;

int newest_version(const OpDef& op) { return *std::ranges::max_element(op.openvino.versions); }

}  // namespace

Attribute::Attribute(std::string_view key, const std::vector<std::int64_t>& list) : name(key) {
  for (const std::int64_t number : list) {
    value += (value.empty() ? "" : ",") + std::to_string(number);
  }
}

std::string Builder::unique_name(const std::string& name) {
  std::string candidate = name;
  for (int& i = next_suffix_.try_emplace(name, 2).first->second; !names_.insert(candidate).second; ++i) {
    candidate = fmt::format("{}#{}", name, i);
  }
  return candidate;
}

ValueId Builder::add_input(const std::string& name, TensorType type) {
  const ValueId id = graph_.add_input(unique_name(name), std::move(type));
  graph_.inputs.back().name = name;
  return id;
}

ValueId Builder::constant(std::string_view name, Tensor tensor) {
  return graph_.add_constant(unique_name(std::string(name)), std::move(tensor));
}

std::vector<ValueId> Builder::add_node(std::string_view op, const std::vector<ValueId>& inputs,
                                       const std::vector<Attribute>& attributes, const NodeOptions& options) {
  if (graph_.nodes.size() >= kMaxNodes) {
    fail(ErrorCode::kUnsupported, "node '{}': the model has more than {} nodes", name_, kMaxNodes);
  }
  Node node;
  node.op = find_op(op);
  if (node.op == nullptr) {
    fail(ErrorCode::kInternal, "no operator '{}'", op);
  }
  node.name = name_;
  node.inputs = inputs;
  if (node.op->attributes.read != nullptr) {
    StringSource source(fmt::format("node '{}' ({})", name_, op),
                        options.version == 0 ? newest_version(*node.op) : options.version);
    for (const Attribute& attribute : attributes) {
      source.set(attribute.name, attribute.value);
    }
    node.attributes = node.op->attributes.read(source);
  }
  const NodeId id = graph_.add_node(std::move(node), std::vector<TensorType>(options.outputs));
  inference_.infer(graph_.node(id));
  return graph_.node(id).outputs;
}

void Builder::finish_node(ValueId result) {
  const NodeId last = result == kNone ? kNone : graph_.value(result).producer;
  // The result takes the plain name first.
  const auto rename = [&](std::size_t index, const std::string& name) {
    Node& node = graph_.nodes[index];
    node.name = unique_name(name);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      graph_.value(node.outputs[i]).name = i == 0 ? node.name : unique_name(fmt::format("{};{}", node.name, i));
    }
  };
  if (last != kNone && static_cast<std::size_t>(last) >= first_unnamed_) {
    rename(static_cast<std::size_t>(last), name_);
  }
  for (std::size_t i = first_unnamed_; i < graph_.nodes.size(); ++i) {
    if (static_cast<NodeId>(i) != last) {
      rename(i, name_ + "/" + std::string(graph_.nodes[i].op->name));
    }
  }
  first_unnamed_ = graph_.nodes.size();
}

}  // namespace fovea::onnx
