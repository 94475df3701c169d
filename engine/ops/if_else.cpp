// If: runs one of two bodies, as its first input says.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/if-8.html

#include <algorithm>

#include "engine/ops/control_flow.hpp"
#include "engine/ops/interpreter.hpp"

namespace fovea::ops {
namespace {

bool flag_of(const ConstTensorView& condition) {
  const std::vector<std::int64_t> values = to_ints(condition);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "the condition is {}, expected a single value", to_string(condition.type));
  }
  return values[0] != 0;
}

std::vector<TensorType> branch_types(const Body& body, const Node& node, std::span<const InputInfo> inputs) {
  check_body(body, node, inputs.size(), std::nullopt);
  std::vector<InputInfo> parameters(body.graph->inputs.size());
  for (const BodyPort& port : body.inputs) {
    parameters[port.inner] = inputs[port.outer];
  }
  const BodyOutputs outputs = infer_body(*body.graph, parameters);
  std::vector<TensorType> types(body.outputs.size());
  for (const BodyPort& port : body.outputs) {
    if (port.outer < types.size()) {
      types[port.outer] = outputs.types[port.inner];
    }
  }
  return types;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<IfAttributes>();
  if (inputs[0].value != nullptr) {
    const bool then = flag_of(inputs[0].value->view());
    return branch_types(then ? attributes.then_body : attributes.else_body, node, inputs);
  }
  std::vector<TensorType> types = branch_types(attributes.then_body, node, inputs);
  const std::vector<TensorType> others = branch_types(attributes.else_body, node, inputs);
  if (types.size() != others.size()) {
    fail(ErrorCode::kInvalidModel, "has branches with {} and {} outputs", types.size(), others.size());
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i].data_type != others[i].data_type) {
      fail(ErrorCode::kInvalidModel, "output {} is {} or {}, expected one element type", i, to_string(types[i]),
           to_string(others[i]));
    }
    types[i].shape = unite(types[i].shape, others[i].shape);
  }
  return types;
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<IfAttributes>();
  const Body& body = flag_of(inputs[0]) ? attributes.then_body : attributes.else_body;
  std::vector<Tensor> parameters(body.graph->inputs.size());
  std::vector<TensorType> types(parameters.size());
  for (const BodyPort& port : body.inputs) {
    parameters[port.inner] = Tensor(inputs[port.outer].type, inputs[port.outer].bytes, nullptr);
    types[port.inner] = inputs[port.outer].type;
  }
  const std::vector<Tensor> outputs = Interpreter(prepared_body(*body.graph, types)).run(parameters);
  std::vector<Tensor> results(node.outputs.size());
  for (const BodyPort& port : body.outputs) {
    if (port.outer < results.size()) {
      results[port.outer] = outputs[port.inner].clone();  // may be an input's memory, which is the caller's
    }
  }
  return results;
}

}  // namespace

extern const OpDef if_else;
const OpDef if_else{
    .name = "If",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/"
        "if-8.html",
    .inputs = {1, kVariadic},
    .openvino = {.type = "If", .versions = {8}},
    .attributes = body_attributes<IfAttributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,
    .widen_attributes = widen_bodies<IfAttributes>,
    .has_bodies = true,
};

}  // namespace fovea::ops
