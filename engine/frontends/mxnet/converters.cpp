#include "engine/frontends/mxnet/converters.hpp"

#include "engine/base/text.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::mxnet {

ValueId NodeContext::input(std::size_t i) const {
  if (i >= inputs.size() || inputs[i] == kNone) {
    fail(ErrorCode::kInvalidModel, "input {} is missing", i);
  }
  return inputs[i];
}

const Tensor& NodeContext::parameter(std::size_t i, std::string_view what) const {
  const Tensor* tensor = graph.graph().constant(input(i));
  if (tensor == nullptr) {
    fail(ErrorCode::kUnsupported, "{} (input {}) must be a parameter", what, i);
  }
  return *tensor;
}

std::string NodeContext::text(std::string_view attribute, std::string_view fallback) const {
  const auto found = node.attributes.find(attribute);
  return found == node.attributes.end() ? std::string(fallback) : found->second;
}

bool NodeContext::flag(std::string_view attribute, bool fallback) const {
  const std::string value = text(attribute, fallback ? "True" : "False");
  const auto parsed = parse_bool(value);
  if (!parsed) {
    fail(ErrorCode::kInvalidModel, "{} is '{}', expected True or False", attribute, value);
  }
  return *parsed;
}

double NodeContext::number(std::string_view attribute, double fallback) const {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) {
    return fallback;
  }
  const auto parsed = parse_double(found->second);
  if (!parsed) {
    fail(ErrorCode::kInvalidModel, "{} is '{}', expected a number", attribute, found->second);
  }
  return *parsed;
}

std::int64_t NodeContext::integer(std::string_view attribute, std::int64_t fallback) const {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end() || found->second == "None") {
    return fallback;
  }
  const auto parsed = parse_int(found->second);
  if (!parsed) {
    fail(ErrorCode::kInvalidModel, "{} is '{}', expected an integer", attribute, found->second);
  }
  return *parsed;
}

importer::Ints NodeContext::list(std::string_view attribute) const {
  std::string value = text(attribute, "");
  if (value == "None") {
    return {};
  }
  std::erase_if(value, [](char c) { return c == '(' || c == ')' || c == '[' || c == ']' || c == 'L'; });
  importer::Ints values;
  for (const std::string& part : split(value, ',')) {
    if (part.empty()) {
      continue;  // "(3,)"
    }
    const auto parsed = parse_int(part);
    if (!parsed) {
      fail(ErrorCode::kInvalidModel, "{} is '{}', expected integers", attribute, text(attribute, ""));
    }
    values.push_back(*parsed);
  }
  return values;
}

std::size_t NodeContext::axis(std::string_view attribute, std::int64_t fallback) const {
  return ops::normalize_axis(integer(attribute, fallback), shape().size(), attribute);
}

const Converters& all_converters() {
  static const Converters kConverters = [] {
    Converters converters;
    add_layer_ops(converters);
    add_basic_ops(converters);
    return converters;
  }();
  return kConverters;
}

Converter find_converter(std::string_view op) {
  const auto found = all_converters().find(op);
  return found == all_converters().end() ? nullptr : found->second;
}

}  // namespace fovea::mxnet
