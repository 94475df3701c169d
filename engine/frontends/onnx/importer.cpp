#include "engine/frontends/onnx/importer.hpp"

#include <algorithm>

#include "engine/frontends/common/unsupported.hpp"
#include "engine/frontends/onnx/graph_order.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"
#include "engine/frontends/onnx/onnx_ops.hpp"

namespace fovea::onnx {
namespace {

/// Why a node cannot be imported, or "".
std::string obstacle(const proto::NodeProto& node, int opset) {
  const OnnxOp* op = find_onnx_op(node.domain() == "ai.onnx" ? "" : node.domain(), node.op_type());
  if (op == nullptr) {
    return "needs a converter in engine/frontends/onnx/ops and a line in onnx_ops.inc";
  }
  if (opset < op->since || (op->until != 0 && opset > op->until)) {
    return fmt::format("is known for opsets {} to {}, the model says {}", op->since,
                       op->until == 0 ? "the newest" : std::to_string(op->until), opset);
  }
  return {};
}

/// Every node that takes part in the result, sub-graphs included.
template <class Visit>
void for_each_node(const proto::GraphProto& graph, Visit visit) {
  for (const int i : sorted_nodes(graph)) {
    const proto::NodeProto& node = graph.node(i);
    visit(node);
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) {
        for_each_node(attribute.g(), visit);
      }
    }
  }
}

int clamp_opset(std::int64_t version) {
  constexpr std::int64_t kNewest = 1000;  // beyond any opset; keeps the conversion exact
  return static_cast<int>(std::clamp<std::int64_t>(version, 0, kNewest));
}

/// Replaces attributes that stand for one of the caller's by that one; without it they go.
void bind_attributes(proto::GraphProto& graph, const proto::FunctionProto& function, const proto::NodeProto& caller) {
  const auto find_named = [](const auto& attributes, const std::string& name) -> const proto::AttributeProto* {
    for (const proto::AttributeProto& attribute : attributes) {
      if (attribute.name() == name) {
        return &attribute;
      }
    }
    return nullptr;
  };
  for (proto::NodeProto& node : *graph.mutable_node()) {
    google::protobuf::RepeatedPtrField<proto::AttributeProto> bound;
    for (proto::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) {
        bind_attributes(*attribute.mutable_g(), function, caller);
      }
      const proto::AttributeProto* given = &attribute;
      if (!attribute.ref_attr_name().empty()) {
        given = find_named(caller.attribute(), attribute.ref_attr_name());
        given = given == nullptr ? find_named(function.attribute_proto(), attribute.ref_attr_name()) : given;
      }
      if (given != nullptr) {
        proto::AttributeProto copy = *given;
        copy.set_name(attribute.name());
        *bound.Add() = std::move(copy);
      }
    }
    *node.mutable_attribute() = std::move(bound);
  }
}

/// A function's body as a graph with the calling node's attributes.
proto::GraphProto function_body(const proto::FunctionProto& function, const proto::NodeProto& caller) {
  proto::GraphProto graph;
  graph.set_name(function.name());
  *graph.mutable_node() = function.node();
  for (const std::string& name : function.input()) {
    graph.add_input()->set_name(name);
  }
  for (const std::string& name : function.output()) {
    graph.add_output()->set_name(name);
  }
  bind_attributes(graph, function, caller);
  return graph;
}

/// What to do about an import that failed for want of a shape; "" when that is not the reason.
std::string open_extents_hint(const Graph& graph, ErrorCode code) {
  for (const GraphPort& input : graph.inputs) {
    const TensorType& type = graph.value(input.value).type;
    if (code == ErrorCode::kUnsupported && !is_static(type.shape)) {
      return fmt::format("; input '{}' is {}: export the model with fixed extents", input.name, to_string(type));
    }
  }
  return {};
}

/// Type of a graph input.
TensorType declared_type(const proto::ValueInfoProto& info) {
  const std::string where = fmt::format("input '{}'", info.name());
  if (!info.type().has_tensor_type()) {
    fail(ErrorCode::kUnsupported, "{} is no tensor; sequences, maps and optional values are not supported", where);
  }
  const auto& tensor = info.type().tensor_type();
  TensorType type{data_type_of(tensor.elem_type(), where), {}};
  if (!tensor.has_shape()) {
    fail(ErrorCode::kUnsupported, "{} has no shape; export the model with one", where);
  }
  constexpr int kMaxRank = 16;
  if (tensor.shape().dim_size() > kMaxRank) {
    fail(ErrorCode::kInvalidModel, "{} has {} axes, expected at most {}", where, tensor.shape().dim_size(), kMaxRank);
  }
  for (const auto& dim : tensor.shape().dim()) {
    // Some exporters write negative numbers for what they do not know.
    const bool known = dim.has_dim_value() && dim.dim_value() >= 0;
    type.shape.push_back(known ? dim.dim_value() : kDynamic);
  }
  // Frames are inferred one at a time: an open batch means one.
  if (type.shape.size() > 1 && type.shape[0] == kDynamic) {
    type.shape[0] = 1;
  }
  Shape known = type.shape;
  std::ranges::replace(known, kDynamic, 1);
  try {
    element_count(known);
  } catch (const Error& error) {
    throw error.with_context(where);
  }
  return type;
}

}  // namespace

Importer::Importer(const proto::ModelProto& model, TensorReader& tensors) : model_(model), tensors_(tensors) {
  for (const auto& import : model.opset_import()) {
    opsets_[import.domain() == "ai.onnx" ? "" : import.domain()] = clamp_opset(import.version());
  }
  levels_.emplace_back();
  builder().set_source_bytes(tensors.bytes());
  opsets_.try_emplace("", 1);  // what files of the first format version mean
  for (const proto::FunctionProto& function : model.functions()) {
    functions_.try_emplace({function.domain(), function.name()}, &function);
  }
}

int Importer::opset_of(const std::string& domain) const {
  const auto found = opsets_.find(domain == "ai.onnx" ? "" : domain);
  return found == opsets_.end() ? 1 : found->second;
}

Graph Importer::run() {
  const proto::GraphProto& graph = model_.graph();
  count_work(graph.node_size());
  if (graph.output_size() == 0) {
    fail(ErrorCode::kInvalidModel, "the graph has no output");
  }
  check_operators();
  scopes_.emplace_back();
  add_initializers(graph);
  add_inputs(graph);
  try {
    add_nodes(graph);
  } catch (const Error& error) {
    throw Error(error.code(), error.what() + open_extents_hint(builder().graph(), error.code()));
  }
  for (const auto& output : graph.output()) {
    builder().output(look_up(output.name(), "the graph's output"), output.name());
  }
  return builder().finish(graph.name());
}

std::vector<ValueId> Importer::inline_graph(const proto::GraphProto& graph, const std::vector<ValueId>& inputs) {
  if (static_cast<std::size_t>(graph.input_size()) != inputs.size()) {
    fail(ErrorCode::kInvalidModel, "sub-graph '{}' has {} inputs, expected {}", graph.name(), graph.input_size(),
         inputs.size());
  }
  count_work(1 + graph.node_size() + graph.initializer_size() + graph.sparse_initializer_size());
  // What the calling node added so far is its own; its name returns for what it adds later.
  const std::string caller = builder().node_name();
  builder().finish_node(kNone);
  scopes_.emplace_back();
  add_initializers(graph);
  for (int i = 0; i < graph.input_size(); ++i) {
    define(graph.input(i).name(), inputs[static_cast<std::size_t>(i)]);
  }
  add_nodes(graph);
  std::vector<ValueId> outputs;
  for (const auto& output : graph.output()) {
    outputs.push_back(look_up(output.name(), fmt::format("the output of sub-graph '{}'", graph.name())));
  }
  scopes_.pop_back();
  builder().begin_node(caller);
  return outputs;
}

void Importer::check_operators() {
  importer::UnsupportedReport report("a converter");
  const auto check = [&](const proto::NodeProto& node) {
    const int opset = opset_of(node.domain());
    if (const std::string reason = obstacle(node, opset); !reason.empty() && find_function(node) == nullptr) {
      const std::string domain = node.domain().empty() ? "ai.onnx" : node.domain();
      report.add(fmt::format("{}-{} of {}", node.op_type(), opset, domain),
                 node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name(), reason);
    }
  };
  for_each_node(model_.graph(), check);
  for (const proto::FunctionProto& function : model_.functions()) {
    std::ranges::for_each(function.node(), check);
  }
  report.throw_if_any();
}

void Importer::define(const std::string& name, ValueId value) {
  if (!scopes_.back().emplace(name, value).second) {
    fail(ErrorCode::kInvalidModel, "'{}' is defined twice", name);
  }
}

ValueId Importer::look_up(const std::string& name, const std::string& reader) {
  for (std::size_t scope = scopes_.size(); scope-- > 0;) {
    const auto found = scopes_[scope].find(name);
    if (found == scopes_[scope].end()) {
      continue;
    }
    std::size_t level = levels_.size() - 1;
    while (levels_[level].first_scope > scope) {
      --level;
    }
    ValueId value = found->second;
    for (++level; level < levels_.size(); ++level) {
      value = capture(level, value);
    }
    return value;
  }
  fail(ErrorCode::kInvalidModel, "{} reads '{}', which is neither an input, an initializer nor computed", reader, name);
}

ValueId Importer::capture(std::size_t level, ValueId outer) {
  if (outer == kNone) {
    return kNone;
  }
  Level& inner = levels_[level];
  if (const auto found = inner.captured.find(outer); found != inner.captured.end()) {
    return found->second;
  }
  const importer::GraphBuilder& from = levels_[level - 1].builder;
  const std::string name = from.graph().value(outer).name;
  ValueId value = kNone;
  if (const Tensor* known = from.known(outer)) {
    value = inner.builder.constant(name, *known);
  } else {
    value = inner.builder.input(name, from.type(outer));
    inner.captures.push_back(outer);
  }
  inner.captured.emplace(outer, value);
  return value;
}

BuiltBody Importer::build_body(const proto::GraphProto& graph, const std::vector<TensorType>& inputs,
                               const AdaptValues& prepare, const AdaptValues& finish) {
  constexpr std::size_t kMaxDepth = 4;  // each level multiplies how often types are inferred
  if (levels_.size() > kMaxDepth) {
    fail(ErrorCode::kUnsupported, "sub-graph '{}': bodies of control flow are nested more than {} deep", graph.name(),
         kMaxDepth);
  }
  levels_.emplace_back(builder().use(), scopes_.size());
  builder().begin_node("body");
  std::vector<ValueId> own;
  for (const TensorType& type : inputs) {
    own.push_back(builder().input(fmt::format("input{}", own.size()), type));
  }
  std::vector<ValueId> outputs = inline_graph(graph, prepare ? prepare(builder(), own) : own);
  outputs = finish ? finish(builder(), outputs) : outputs;
  builder().finish_node(kNone);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNone) {
      fail(ErrorCode::kInvalidModel, "output {} of sub-graph '{}' is absent", i, graph.name());
    }
    builder().output(outputs[i], fmt::format("output{}", i));
  }
  BuiltBody built{builder().finish(graph.name()), std::move(levels_.back().captures)};
  levels_.pop_back();
  return built;
}

void Importer::add_initializers(const proto::GraphProto& graph) {
  const auto add = [&](const std::string& name, const auto& initializer) {
    Tensor tensor = tensors_.read(initializer, fmt::format("initializer '{}'", name));
    builder().set_source_bytes(tensors_.bytes());  // reading may have opened a further file
    define(name, builder().constant(name, std::move(tensor)));
  };
  for (const auto& initializer : graph.initializer()) {
    add(initializer.name(), initializer);
  }
  for (const auto& initializer : graph.sparse_initializer()) {
    add(initializer.values().name(), initializer);
  }
}

void Importer::add_inputs(const proto::GraphProto& graph) {
  for (const auto& input : graph.input()) {
    // Files of format versions below 4 list initializers among the inputs; later ones do so for default values.
    if (!scopes_.back().contains(input.name())) {
      define(input.name(), builder().input(input.name(), declared_type(input)));
    }
  }
}

void Importer::add_nodes(const proto::GraphProto& graph) {
  for (const int i : sorted_nodes(graph)) {
    add_node(graph.node(i));
  }
}

void Importer::count_work(int parts) {
  constexpr std::uint64_t kMaxWork = 500'000;  // loops in loops must end, also where their bodies add nothing
  work_ += static_cast<std::uint64_t>(parts);
  if (work_ > kMaxWork) {
    fail(ErrorCode::kUnsupported, "the model has more than {} nodes, written-out loops included", kMaxWork);
  }
}

void Importer::add_node(const proto::NodeProto& node) {
  const std::string& fallback = node.output_size() > 0 ? node.output(0) : node.op_type();
  const std::string name = node.name().empty() ? fallback : node.name();
  const std::string where = fmt::format("node '{}' ({})", name, node.op_type());
  std::vector<ValueId> inputs;
  for (const std::string& input : node.input()) {
    inputs.push_back(input.empty() ? kNone : look_up(input, where));
  }
  builder().begin_node(name);
  const std::vector<ValueId> outputs = convert(node, inputs);
  builder().finish_node(outputs.empty() ? kNone : outputs[0]);
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) {
      continue;
    }
    if (static_cast<std::size_t>(i) >= outputs.size()) {
      fail(ErrorCode::kUnsupported, "{}: output {} '{}' is not supported", where, i, node.output(i));
    }
    define(node.output(i), outputs[static_cast<std::size_t>(i)]);
  }
}

std::vector<ValueId> Importer::convert(const proto::NodeProto& node, const std::vector<ValueId>& inputs) {
  if (const proto::FunctionProto* function = find_function(node)) {
    return call(*function, node, inputs);
  }
  const OnnxOp* op = find_onnx_op(node.domain() == "ai.onnx" ? "" : node.domain(), node.op_type());
  if (op == nullptr) {
    fail(ErrorCode::kUnsupported, "node '{}' ({}) of domain '{}' is not supported", node.name(), node.op_type(),
         node.domain());
  }
  NodeContext context(node, inputs, opset_of(node.domain()), builder(), tensors_, *this);
  return op->convert(context);
}

const proto::FunctionProto* Importer::find_function(const proto::NodeProto& node) const {
  const auto found = functions_.find({node.domain(), node.op_type()});
  return found == functions_.end() ? nullptr : found->second;
}

std::vector<ValueId> Importer::call(const proto::FunctionProto& function, const proto::NodeProto& node,
                                    const std::vector<ValueId>& inputs) {
  const std::string where = fmt::format("node '{}' ({})", node.name(), node.op_type());
  constexpr int kMaxDepth = 32;  // functions that call themselves must end
  if (++call_depth_ > kMaxDepth) {
    fail(ErrorCode::kInvalidModel, "{}: functions call each other more than {} deep", where, kMaxDepth);
  }
  if (inputs.size() > static_cast<std::size_t>(function.input_size())) {
    fail(ErrorCode::kInvalidModel, "{} has {} inputs, its function takes {}", where, inputs.size(),
         function.input_size());
  }
  // Constants of the body point into this copy.
  const auto body = std::make_shared<proto::GraphProto>(function_body(function, node));
  constexpr std::uint64_t kMaxBodyBytes = std::uint64_t{64} << 20U;
  body_bytes_ += body->SpaceUsedLong();
  if (body_bytes_ > kMaxBodyBytes) {
    fail(ErrorCode::kUnsupported, "{}: the bodies of called functions take more than {} bytes", where, kMaxBodyBytes);
  }
  const std::shared_ptr<const void> outer_owner = tensors_.set_owner(body);
  const auto outer_opsets = opsets_;
  for (const auto& import : function.opset_import()) {
    opsets_[import.domain() == "ai.onnx" ? "" : import.domain()] = clamp_opset(import.version());
  }
  std::vector<ValueId> all = inputs;
  all.resize(static_cast<std::size_t>(function.input_size()), kNone);
  const std::vector<ValueId> outputs = inline_graph(*body, all);
  opsets_ = outer_opsets;
  tensors_.set_owner(outer_owner);
  --call_depth_;
  return outputs;
}

}  // namespace fovea::onnx
