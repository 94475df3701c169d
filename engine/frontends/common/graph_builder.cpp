#include "engine/frontends/common/graph_builder.hpp"

#include <algorithm>

#include "engine/ops/shape_inference.hpp"
#include "engine/ops/string_source.hpp"

namespace fovea::importer {
namespace {

/// Largest result evaluated while building: shapes, axes, prior boxes; weights stay out, they are folded once later.
constexpr std::size_t kMaxKnownElements = 4096;
constexpr std::size_t kMaxRank = 16;
/// Written-out loops must not grow without bound; real models have some thousands of nodes.
constexpr std::size_t kMaxNodes = 200'000;
constexpr std::uint64_t kMaxNameBytes = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMaxEvaluatedBytes = std::uint64_t{32} << 20U;
/// Constants beyond the files' own size: filled tensors, masks, matrices, 8-bit numbers written as f32.
constexpr std::uint64_t kExtraConstantBytes = std::uint64_t{32} << 20U;
constexpr std::uint64_t kConstantGrowth = 4;

int newest_version(const OpDef& op) { return *std::ranges::max_element(op.openvino.versions); }

}  // namespace

Shape checked_shape(const Ints& dims, std::string_view where, bool allow_dynamic) {
  if (dims.size() > kMaxRank) {
    fail(ErrorCode::kInvalidModel, "{}: the shape has {} axes, at most {} are supported", where, dims.size(), kMaxRank);
  }
  Shape shape = dims;
  Shape known;
  for (std::int64_t& extent : shape) {
    if (extent < 0 && !allow_dynamic) {
      fail(ErrorCode::kInvalidModel, "{}: the shape {} has an extent below 0", where, to_string(dims));
    }
    extent = std::max(extent, kDynamic);
    known.push_back(std::max<std::int64_t>(extent, 1));  // 0 must not hide a product that overflows
  }
  try {
    element_count(known);
  } catch (const Error& error) {
    throw error.with_context(where);
  }
  return shape;
}

std::string GraphBuilder::unique_name(const std::string& name) {
  std::string candidate = name.empty() ? "value" : name;
  use_->name_bytes += candidate.size();
  if (use_->name_bytes > kMaxNameBytes) {
    fail(ErrorCode::kUnsupported, "'{}…': the model's names have more than {} bytes", candidate.substr(0, 40),
         kMaxNameBytes);
  }
  const std::string base = candidate;
  // The count goes on where it stopped, or a file of equal names would take quadratic time.
  for (int& i = next_suffix_.try_emplace(base, 2).first->second; !names_.insert(candidate).second; ++i) {
    candidate = fmt::format("{}#{}", base, i);
  }
  return candidate;
}

ValueId GraphBuilder::input(const std::string& name, TensorType type, std::string_view layout) {
  const ValueId id = graph_.add_input(unique_name(name), std::move(type));
  graph_.inputs.back().name = name;
  graph_.inputs.back().layout = layout;
  return id;
}

ValueId GraphBuilder::constant(const std::string& name, Tensor tensor) {
  if (!tensor.empty() && use_->counted.insert(tensor.identity()).second) {
    use_->constant_bytes += byte_size(tensor.type());
  }
  const std::uint64_t most = kExtraConstantBytes + kConstantGrowth * use_->source_bytes;
  if (use_->constant_bytes > most) {
    fail(ErrorCode::kUnsupported, "constant '{}' of {}: the constants of a model of {} bytes take more than {}", name,
         to_string(tensor.type()), use_->source_bytes, most);
  }
  return graph_.add_constant(unique_name(name), std::move(tensor));
}

ValueId GraphBuilder::ints(const Ints& values) {
  return constant("ints", Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}

ValueId GraphBuilder::int_scalar(std::int64_t value) { return constant("int", Tensor::scalar(value)); }

ValueId GraphBuilder::scalar(float value) { return constant("number", Tensor::scalar(value)); }

ValueId GraphBuilder::add(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs,
                          const Attributes& attributes, int opset) {
  return add_many(op, name, inputs, 1, attributes, opset).front();
}

std::vector<ValueId> GraphBuilder::add_many(std::string_view op, const std::string& name,
                                            const std::vector<ValueId>& inputs, std::size_t outputs,
                                            const Attributes& attributes, int opset) {
  Node node = begin(op, name, inputs);
  if (node.op->attributes.read != nullptr) {
    StringSource source(fmt::format("node '{}' ({})", name.empty() ? node_name_ : name, op),
                        opset == 0 ? newest_version(*node.op) : opset);
    for (const Attribute& attribute : attributes) {
      source.set(attribute.name, attribute.text);
    }
    node.attributes = node.op->attributes.read(source);
  }
  return add_built(std::move(node), name, outputs);
}

std::vector<ValueId> GraphBuilder::add_prepared(std::string_view op, const std::string& name,
                                                const std::vector<ValueId>& inputs, std::size_t outputs,
                                                std::any attributes) {
  Node node = begin(op, name, inputs);
  node.attributes = std::move(attributes);
  return add_built(std::move(node), name, outputs);
}

Node GraphBuilder::begin(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs) {
  if (++use_->nodes > kMaxNodes) {
    fail(ErrorCode::kUnsupported, "node '{}': the model has more than {} nodes", name.empty() ? node_name_ : name,
         kMaxNodes);
  }
  Node node;
  node.op = find_op(op);
  if (node.op == nullptr) {
    fail(ErrorCode::kInternal, "there is no operator {}", op);
  }
  node.name = name.empty() ? node_name_ : unique_name(name);
  node.inputs = inputs;
  return node;
}

std::vector<ValueId> GraphBuilder::add_built(Node node, const std::string& name, std::size_t outputs) {
  const std::string shown = fmt::format("node '{}' ({})", name.empty() ? node_name_ : name, node.op->name);
  std::vector<InputInfo> infos;
  for (const ValueId input : node.inputs) {
    if (input != kNone && !has_rank(shape(input))) {
      fail(ErrorCode::kUnsupported, "{} reads '{}', whose rank is known at run time only", shown,
           graph_.value(input).name);
    }
    infos.push_back(input == kNone ? InputInfo{} : InputInfo{type(input), known(input)});
  }
  std::vector<TensorType> types = infer_types(node, infos);
  if (types.size() < outputs) {
    fail(ErrorCode::kInvalidModel, "{}: has {} outputs, expected at most {}", shown, outputs, types.size());
  }
  types.resize(outputs);
  const NodeId id = graph_.add_node(std::move(node), types);
  const Node& added = graph_.node(id);
  for (std::size_t i = 1; i < added.outputs.size() && !name.empty(); ++i) {
    graph_.value(added.outputs[i]).name = unique_name(graph_.value(added.outputs[i]).name);
  }
  evaluate_small(added, types);
  return added.outputs;
}

void GraphBuilder::evaluate_small(const Node& node, const std::vector<TensorType>& types) {
  if (node.op->compute == nullptr && !std::ranges::all_of(types, [](const TensorType& type) {
        return is_static(type.shape) && element_count(type.shape) <= kMaxKnownElements;
      })) {
    return;
  }
  auto results = try_evaluate(graph_, node, [this](ValueId value) { return known(value); });
  if (!results) {
    return;
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const TensorType type = (*results)[i].type();
    graph_.value(node.outputs[i]).type = type;  // computed sizes are known now
    use_->evaluated_bytes += byte_size(type);
    if (use_->evaluated_bytes > kMaxEvaluatedBytes) {
      fail(ErrorCode::kUnsupported, "node '{}': more than {} bytes of values are known while the model is read",
           node.name, kMaxEvaluatedBytes);
    }
    evaluated_[node.outputs[i]] = std::move((*results)[i]);
  }
}

void GraphBuilder::rename(Node& node, const std::string& name) {
  node.name = unique_name(name);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    graph_.value(node.outputs[i]).name = i == 0 ? node.name : unique_name(fmt::format("{};{}", node.name, i));
  }
}

void GraphBuilder::finish_node(ValueId result) {
  const NodeId last = result == kNone ? kNone : graph_.value(result).producer;
  // The result takes the plain name first.
  if (last != kNone && static_cast<std::size_t>(last) >= first_unnamed_) {
    rename(graph_.node(last), node_name_);
  }
  for (std::size_t i = first_unnamed_; i < graph_.nodes.size(); ++i) {
    if (static_cast<NodeId>(i) != last) {
      rename(graph_.nodes[i], node_name_ + "/" + std::string(graph_.nodes[i].op->name));
    }
  }
  first_unnamed_ = graph_.nodes.size();
}

ValueId GraphBuilder::reshape(const std::string& name, ValueId value, const Ints& pattern, bool special_zero) {
  return add("Reshape", name, {value, ints(pattern)}, {{"special_zero", special_zero}});
}

ValueId GraphBuilder::transpose(const std::string& name, ValueId value, const Ints& order) {
  return add("Transpose", name, {value, ints(order)});
}

ValueId GraphBuilder::convert(const std::string& name, ValueId value, DataType target) {
  return type(value).data_type == target ? value : add("Convert", name, {value}, {{"destination_type", target}});
}

ValueId GraphBuilder::slice(const std::string& name, ValueId value, std::int64_t axis, std::int64_t begin,
                            std::int64_t end) {
  return add("Slice", name, {value, ints({begin}), ints({end}), ints({1}), ints({axis})});
}

void GraphBuilder::output(ValueId value, std::string_view name, std::string_view layout) {
  graph_.add_output(value, name);
  graph_.outputs.back().layout = layout;
}

const Tensor* GraphBuilder::known(ValueId value) const {
  if (const Tensor* content = graph_.constant(value)) {
    return content;
  }
  const auto found = evaluated_.find(value);
  return found == evaluated_.end() ? nullptr : &found->second;
}

Ints GraphBuilder::known_ints(ValueId value, std::string_view what) const {
  const Tensor* content = value == kNone ? nullptr : known(value);
  if (content == nullptr) {
    fail(ErrorCode::kUnsupported, "{} must be known when the model is read", what);
  }
  if (is_float(content->data_type()) || content->shape().size() > 2) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected a list of integers", what, to_string(content->type()));
  }
  return to_ints(content->view());
}

Graph GraphBuilder::finish(const std::string& name) {
  graph_.name = name;
  graph_.compact();
  verify(graph_);
  return std::move(graph_);
}

}  // namespace fovea::importer
