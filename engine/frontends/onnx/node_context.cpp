#include "engine/frontends/onnx/node_context.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/frontends/onnx/onnx_model.pb.h"
#include "engine/frontends/onnx/tensors.hpp"

namespace fovea::onnx {

NodeContext::NodeContext(const proto::NodeProto& node, std::vector<ValueId> inputs, int opset,
                         importer::GraphBuilder& builder, TensorReader& tensors, Importer& importer)
    : node_(node),
      inputs_(std::move(inputs)),
      opset_(opset),
      builder_(builder),
      tensors_(tensors),
      importer_(importer),
      name_(!node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0)),
      where_(fmt::format("node '{}' ({})", name_, node.op_type())) {}

const std::string& NodeContext::op_type() const { return node_.op_type(); }

ValueId NodeContext::input(std::size_t i) const {
  if (!has_input(i)) {
    invalid(fmt::format("has no input {}", i));
  }
  return inputs_[i];
}

std::size_t NodeContext::output_count() const { return static_cast<std::size_t>(node_.output_size()); }

bool NodeContext::wants_output(std::size_t i) const {
  return i < output_count() && !node_.output(static_cast<int>(i)).empty();
}

const proto::AttributeProto* NodeContext::find(std::string_view name) const {
  for (const proto::AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() == name) {
      return &attribute;
    }
  }
  return nullptr;
}

const proto::AttributeProto* NodeContext::find(std::string_view name, int type, std::string_view expected) const {
  const proto::AttributeProto* attribute = find(name);
  // Files of the first format versions state no type.
  if (attribute != nullptr && attribute->type() != proto::AttributeProto::UNDEFINED && attribute->type() != type) {
    invalid(
        fmt::format("attribute {} is of type {}, expected {}", name, static_cast<int>(attribute->type()), expected));
  }
  return attribute;
}

std::int64_t NodeContext::integer(std::string_view name, std::int64_t fallback) const {
  const auto* attribute = find(name, proto::AttributeProto::INT, "an integer");
  return attribute == nullptr ? fallback : attribute->i();
}

double NodeContext::real(std::string_view name, double fallback) const {
  const auto* attribute = find(name, proto::AttributeProto::FLOAT, "a number");
  return attribute == nullptr ? fallback : static_cast<double>(attribute->f());
}

std::string NodeContext::text(std::string_view name, std::string_view fallback) const {
  const auto* attribute = find(name, proto::AttributeProto::STRING, "a text");
  return attribute == nullptr ? std::string(fallback) : attribute->s();
}

std::vector<std::int64_t> NodeContext::integers(std::string_view name) const {
  const auto* attribute = find(name, proto::AttributeProto::INTS, "a list of integers");
  return attribute == nullptr ? std::vector<std::int64_t>()
                              : std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

std::vector<double> NodeContext::reals(std::string_view name) const {
  const auto* attribute = find(name, proto::AttributeProto::FLOATS, "a list of numbers");
  return attribute == nullptr ? std::vector<double>()
                              : std::vector<double>(attribute->floats().begin(), attribute->floats().end());
}

std::vector<std::string> NodeContext::texts(std::string_view name) const {
  const auto* attribute = find(name, proto::AttributeProto::STRINGS, "a list of texts");
  return attribute == nullptr ? std::vector<std::string>()
                              : std::vector<std::string>(attribute->strings().begin(), attribute->strings().end());
}

DataType NodeContext::attribute_type(std::string_view name) const {
  constexpr std::int64_t kMost = 1000;  // beyond any element type; keeps the conversion exact
  return data_type_of(static_cast<std::int32_t>(std::clamp<std::int64_t>(integer(name, 0), 0, kMost)),
                      fmt::format("{} attribute {}", where_, name));
}

Tensor NodeContext::tensor(std::string_view name) const {
  const std::string place = fmt::format("{} attribute {}", where_, name);
  const proto::AttributeProto* attribute = find(name);
  const bool sparse = attribute != nullptr && attribute->has_sparse_tensor();
  if (!sparse && (attribute == nullptr || !attribute->has_t())) {
    invalid(fmt::format("has no tensor attribute {}", name));
  }
  Tensor tensor = sparse ? tensors_.read(attribute->sparse_tensor(), place) : tensors_.read(attribute->t(), place);
  builder_.set_source_bytes(tensors_.bytes());  // reading may have opened a further file
  return tensor;
}

const proto::GraphProto& NodeContext::subgraph(std::string_view name) const {
  const proto::AttributeProto* attribute = find(name);
  if (attribute == nullptr || !attribute->has_g()) {
    invalid(fmt::format("has no graph attribute {}", name));
  }
  return attribute->g();
}

const Shape& NodeContext::shape(ValueId id) const {
  const Shape& known = builder_.shape(id);
  if (!has_rank(known)) {
    unsupported(fmt::format("reads '{}', whose rank is known at run time only", builder_.graph().value(id).name));
  }
  return known;
}

ValueId NodeContext::integer_list(const std::vector<std::int64_t>& values) {
  return constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}

ValueId NodeContext::integer_scalar(std::int64_t value) { return constant(Tensor::scalar<std::int64_t>(value)); }

ValueId NodeContext::scalar(DataType type, double value) { return constant(Tensor::scalar<double>(value).cast(type)); }

ValueId NodeContext::reshape(ValueId value, const Shape& target) {
  if (shape(value) == target && is_static(target)) {
    return value;
  }
  // Constants are reshaped here and now: weights then reach their operator directly.
  const Tensor* tensor = builder_.graph().constant(value);
  if (tensor != nullptr && is_static(target) && element_count(target) == tensor->size()) {
    return constant(tensor->reshaped(target));
  }
  return add("Reshape", {value, integer_list(target)}, {{"special_zero", !is_static(target)}});
}

ValueId NodeContext::convert(ValueId value, DataType type) {
  return data_type(value) == type ? value : add("Convert", {value}, {{"destination_type", type}});
}

ValueId NodeContext::transpose(ValueId value, const std::vector<std::int64_t>& order) {
  return order == all_axes(order.size()) ? value : add("Transpose", {value, integer_list(order)});
}

ValueId NodeContext::squeeze(ValueId value, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? value : add("Squeeze", {value, integer_list(axes)});
}

ValueId NodeContext::unsqueeze(ValueId value, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? value : add("Unsqueeze", {value, integer_list(axes)});
}

std::optional<std::vector<std::int64_t>> NodeContext::known_integers(std::size_t i) const {
  const Tensor* tensor = has_input(i) ? known(inputs_[i]) : nullptr;
  return tensor == nullptr ? std::nullopt : std::optional(to_ints(tensor->view()));
}

std::optional<std::vector<double>> NodeContext::known_reals(std::size_t i) const {
  const Tensor* tensor = has_input(i) ? known(inputs_[i]) : nullptr;
  return tensor == nullptr ? std::nullopt : std::optional(to_doubles(tensor->view()));
}

std::vector<std::int64_t> NodeContext::constant_integers(std::size_t i, std::string_view what) const {
  const auto values = known_integers(i);
  if (!values) {
    unsupported(fmt::format("needs constant {}, got a computed {}", what, to_string(builder_.type(input(i)))));
  }
  return *values;
}

std::vector<double> NodeContext::constant_reals(std::size_t i, std::string_view what) const {
  const auto values = known_reals(i);
  if (!values) {
    unsupported(fmt::format("needs constant {}, got a computed {}", what, to_string(builder_.type(input(i)))));
  }
  return *values;
}

std::int64_t NodeContext::constant_integer(std::size_t i, std::string_view what) const {
  const std::vector<std::int64_t> values = constant_integers(i, what);
  if (values.size() != 1) {
    invalid(fmt::format("has {} values in {}, expected 1", values.size(), what));
  }
  return values[0];
}

double NodeContext::constant_real(std::size_t i, std::string_view what) const {
  const std::vector<double> values = constant_reals(i, what);
  if (values.size() != 1 || !std::isfinite(values[0])) {
    invalid(fmt::format("has {} values in {}, expected 1 finite one", values.size(), what));
  }
  return values[0];
}

std::int64_t NodeContext::normal_axis(std::int64_t axis, std::size_t axis_rank) const {
  const auto signed_rank = static_cast<std::int64_t>(axis_rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    invalid(fmt::format("axis is {}, expected -{} to {} for rank {}", axis, axis_rank, signed_rank - 1, axis_rank));
  }
  return axis < 0 ? axis + signed_rank : axis;
}

std::vector<std::int64_t> NodeContext::all_axes(std::size_t axis_rank, std::int64_t first) {
  std::vector<std::int64_t> axes(axis_rank - static_cast<std::size_t>(first));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

}  // namespace fovea::onnx
