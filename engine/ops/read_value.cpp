// ReadValue: the content of a variable, which an Assign of the same name wrote in the run before. In the first run it
// is the input, or zeros where there is none; so it is wherever nobody keeps variables between runs.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/read-value-6.html

#include <algorithm>

#include "engine/ops/shapes.hpp"
#include "engine/ops/variables.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<VariableAttributes>();
  const bool given = has_input(node, inputs, 0);
  if (attributes.opset < 6 && !given) {
    fail(ErrorCode::kInvalidModel, "variable '{}' has no first value", attributes.variable_id);
  }
  TensorType type = variable_type(attributes, given ? &inputs[0].type : nullptr);
  if (!given) {
    check_static(type.shape, "variable_shape");
  }
  return {std::move(type)};
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  if (node.inputs.empty() || node.inputs[0] == kNone) {
    return {Tensor(variable_type(node.attrs<VariableAttributes>(), nullptr))};
  }
  Tensor first(inputs[0].type);
  std::copy_n(inputs[0].bytes, byte_size(inputs[0].type), first.mutable_view().bytes);
  return {first};
}

bool widen(Node& node, DataType target) {
  std::string& text = std::any_cast<VariableAttributes&>(node.attributes).variable_type;
  const auto type = parse_data_type(text);
  const bool narrow = type && is_float(*type) && size_of(*type) < size_of(target);
  text = narrow ? std::string(to_string(target)) : text;
  return narrow;
}

}  // namespace

extern const OpDef read_value;
const OpDef read_value{
    .name = "ReadValue",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/"
        "read-value-6.html",
    .inputs = {0, 1},
    .openvino = {.type = "ReadValue", .versions = {3, 6}},
    .attributes = attributes_of<VariableAttributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,
    .widen_attributes = widen,
};

}  // namespace fovea::ops
