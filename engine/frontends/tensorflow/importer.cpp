#include "engine/frontends/tensorflow/importer.hpp"

#include <algorithm>
#include <set>

#include "engine/frontends/common/unsupported.hpp"
#include "engine/frontends/tensorflow/tensors.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tensorflow {

using importer::Ints;
using importer::Ref;

const Converters& all_converters() {
  static const Converters kConverters = [] {
    Converters converters;
    add_image_ops(converters);
    add_math_ops(converters);
    add_shape_ops(converters);
    return converters;
  }();
  return kConverters;
}

Converter find_converter(std::string_view op) {
  const auto found = all_converters().find(op);
  return found == all_converters().end() ? nullptr : found->second;
}

importer::NhwcBuilder& NodeContext::nhwc() const { return importer_.nhwc(); }

importer::GraphBuilder& NodeContext::graph() const { return importer_.graph(); }

std::size_t NodeContext::input_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(node_.input(), [](const std::string& input) { return !input.starts_with('^'); }));
}

Ref NodeContext::input(std::size_t i) const {
  // Control inputs come last.
  if (i >= input_count()) {
    fail(ErrorCode::kInvalidModel, "has {} inputs, expected at least {}", input_count(), i + 1);
  }
  return importer_.value(node_.input(static_cast<int>(i)));
}

Ints NodeContext::ints(std::size_t i, std::string_view what) const { return nhwc().known_ints(input(i), what); }

std::int64_t NodeContext::single_int(std::size_t i, std::string_view what) const {
  const Ints values = ints(i, what);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected 1", what, values.size());
  }
  return values[0];
}

const Tensor& NodeContext::known(std::size_t i, std::string_view what) const {
  const Tensor* tensor = nhwc().known(input(i));
  if (tensor == nullptr) {
    fail(ErrorCode::kUnsupported, "{} must be known when the model is read", what);
  }
  return *tensor;
}

const AttrValue* NodeContext::find(const std::string& attribute) const {
  const auto found = node_.attr().find(attribute);
  return found == node_.attr().end() ? nullptr : &found->second;
}

std::int64_t NodeContext::int_attr(const std::string& attribute, std::int64_t fallback) const {
  const AttrValue* value = find(attribute);
  return value == nullptr ? fallback : value->i();
}

float NodeContext::float_attr(const std::string& attribute, float fallback) const {
  const AttrValue* value = find(attribute);
  return value == nullptr ? fallback : value->f();
}

bool NodeContext::bool_attr(const std::string& attribute, bool fallback) const {
  const AttrValue* value = find(attribute);
  return value == nullptr ? fallback : value->b();
}

std::string NodeContext::text_attr(const std::string& attribute, const std::string& fallback) const {
  const AttrValue* value = find(attribute);
  return value == nullptr || value->s().empty() ? fallback : value->s();
}

Ints NodeContext::list_attr(const std::string& attribute) const {
  const AttrValue* value = find(attribute);
  return value == nullptr ? Ints() : Ints(value->list().i().begin(), value->list().i().end());
}

DataType NodeContext::type_attr(const std::string& attribute, DataType fallback) const {
  const AttrValue* value = find(attribute);
  return value == nullptr ? fallback : element_type(value->type(), attribute);
}

Ref NodeContext::image(std::size_t i) const { return is_nchw() ? nhwc().from_nchw(nhwc().plain(input(i))) : input(i); }

Ref NodeContext::from_image(Ref value) const { return is_nchw() ? nhwc().from_plain(nhwc().nchw(value)) : value; }

Ints NodeContext::spatial(const Ints& list, std::string_view what) const {
  if (list.empty()) {
    return {1, 1};
  }
  constexpr std::size_t kImageRank = 4;
  if (list.size() != kImageRank) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected {}", what, list.size(), kImageRank);
  }
  const std::size_t first = is_nchw() ? 2 : 1;
  for (std::size_t i = 0; i < kImageRank; ++i) {
    if (i != first && i != first + 1 && list[i] != 1) {
      fail(ErrorCode::kUnsupported, "{} {} works on batch or channels", what, to_string(list));
    }
  }
  return {list[first], list[first + 1]};
}

Importer::Importer(const LoadedGraph& loaded, std::filesystem::path variables)
    : loaded_(loaded), variables_(std::move(variables)), nhwc_(graph_) {
  graph_.set_source_bytes(loaded.bytes);
  for (const NodeDef& node : loaded.nodes) {
    by_name_[node.name()] = &node;
    if (node.input_size() > 0) {
      readers_[parse_tensor_name(node.input(0)).node].push_back(&node);
    }
  }
}

Ref Importer::value(const std::string& tensor) const {
  const TensorName name = parse_tensor_name(tensor);
  const auto found = values_.find(name.node);
  if (found == values_.end() || static_cast<std::size_t>(name.index) >= found->second.size()) {
    fail(ErrorCode::kUnsupported, "tensor '{}' is not computed: that output is for training only", tensor);
  }
  return found->second[static_cast<std::size_t>(name.index)];
}

Tensor Importer::variable(const std::string& name) {
  if (!loaded_.saved_model) {
    fail(ErrorCode::kUnsupported, "variable '{}' in a graph that is not frozen", name);
  }
  if (checkpoint_ == nullptr) {
    checkpoint_ = std::make_unique<Checkpoint>(variables_);
    graph_.set_source_bytes(loaded_.bytes + checkpoint_->bytes());
  }
  return checkpoint_->variable(name);
}

void Importer::check_operators(const std::vector<std::size_t>& order) const {
  importer::UnsupportedReport report("a converter in engine/frontends/tensorflow");
  for (const std::size_t i : order) {
    const NodeDef& node = loaded_.nodes[i];
    if (node.op() != "Placeholder" && find_converter(node.op()) == nullptr) {
      report.add(node.op(), node.name());
    }
  }
  report.throw_if_any();
}

/// Files may leave a placeholder's rank open. What reads it then tells: an image with as many channels as the first
/// weights have, behind operators that keep the channels.
Shape Importer::guess_shape(const std::string& placeholder) {
  static const std::set<std::string> kKeepChannels = {"Identity", "Pad",   "Mul",     "Sub",
                                                      "Add",      "AddV2", "RealDiv", "Relu"};
  const auto weights_shape = [&](const NodeDef& node) -> Shape {
    constexpr int kMaxHops = 8;  // of identities in front of a constant
    const NodeDef* weights = node.input_size() > 1 ? by_name_[parse_tensor_name(node.input(1)).node] : nullptr;
    for (int hop = 0; hop < kMaxHops && weights != nullptr && weights->input_size() > 0; ++hop) {
      weights = by_name_[parse_tensor_name(weights->input(0)).node];
    }
    const bool constant = weights != nullptr && weights->op() == "Const" && weights->attr().contains("value");
    return constant ? to_shape(weights->attr().at("value").tensor().tensor_shape(), weights->name()) : Shape();
  };
  std::set<std::string> seen;
  std::vector<std::string> open = {placeholder};
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (!seen.insert(name).second) {
      continue;
    }
    for (const NodeDef* node : readers_[name]) {
      const Shape weights = weights_shape(*node);
      if ((node->op() == "Conv2D" || node->op() == "DepthwiseConv2dNative") && weights.size() == 4) {
        return {kDynamic, kDynamic, kDynamic, weights[2]};
      }
      if ((node->op().starts_with("FusedBatchNorm") || node->op() == "BiasAdd") && weights.size() == 1) {
        return {kDynamic, kDynamic, kDynamic, weights[0]};
      }
      if (kKeepChannels.contains(node->op())) {
        open.push_back(node->name());
      }
    }
  }
  fail(ErrorCode::kUnsupported, "the placeholder has no shape, and what reads it does not tell one");
}

void Importer::add_placeholder(const NodeDef& node) {
  const auto& attr = node.attr();
  const bool known = attr.contains("shape") && !attr.at("shape").shape().unknown_rank() &&
                     (attr.at("shape").shape().dim_size() > 0 || attr.contains("_user_specified_name"));
  Shape shape = known ? to_shape(attr.at("shape").shape(), "shape", true) : guess_shape(node.name());
  // Where only the batch is open it is 1 until a reshape says otherwise: many graphs compute with it.
  if (!shape.empty() && shape[0] == kDynamic && is_static(Shape(shape.begin() + 1, shape.end()))) {
    shape[0] = 1;
  }
  const DataType type = attr.contains("dtype") ? element_type(attr.at("dtype").type(), "dtype") : DataType::kF32;
  std::string port = node.name();
  for (const PortName& input : loaded_.inputs) {
    port = parse_tensor_name(input.tensor).node == node.name() ? input.name : port;
  }
  constexpr std::size_t kImageRank = 4;
  const ValueId value = graph_.input(port, {type, shape}, shape.size() == kImageRank ? "NHWC" : "");
  if (port != node.name()) {
    graph_.add_input_alias(node.name());
  }
  values_[node.name()] = {nhwc_.from_plain(value)};
}

void Importer::add_output(const PortName& port) {
  const Ref ref = value(port.tensor);
  const ValueId result = nhwc_.plain(ref);
  graph_.output(result, port.name, "");
}

Graph Importer::build(const std::string& name) {
  if (loaded_.outputs.empty()) {
    fail(ErrorCode::kInvalidModel, "the graph has no output: every node is read by another");
  }
  const std::vector<std::size_t> order = sorted_nodes(loaded_);
  check_operators(order);
  for (const std::size_t i : order) {
    const NodeDef& node = loaded_.nodes[i];
    try {
      if (node.op() == "Placeholder") {
        add_placeholder(node);
      } else {
        values_[node.name()] = find_converter(node.op())(NodeContext(*this, node));
      }
    } catch (const Error& error) {
      throw error.with_context(fmt::format("node '{}' ({})", node.name(), node.op()));
    }
  }
  for (const PortName& port : loaded_.outputs) {
    add_output(port);
  }
  return graph_.finish(name);
}

}  // namespace fovea::tensorflow
