// BatchNormInference: gamma * (x - mean) / sqrt(variance + epsilon) + beta, per channel (axis 1). Inputs: data, gamma,
// beta, mean, variance; in opset 1 gamma, beta, data, mean, variance.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/batch-norm-inference-5.html

#include "engine/ops/batch_norm_inference.hpp"

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const BatchNormInputs place = batch_norm_inputs(node.attrs<BatchNormAttributes>());
  const Shape& data = inputs[place.data].type.shape;
  check_rank(data, 2, 16, "data");
  if (!(node.attrs<BatchNormAttributes>().epsilon >= 0)) {
    fail(ErrorCode::kInvalidModel, "epsilon is {}, expected at least 0", node.attrs<BatchNormAttributes>().epsilon);
  }
  for (const std::size_t i : {place.gamma, place.beta, std::size_t{3}, std::size_t{4}}) {
    check_rank(inputs[i].type.shape, 1, 1, "a channel parameter");
    if (!extents_agree(inputs[i].type.shape[0], data[1])) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected {} values, one per channel", i,
           to_string(inputs[i].type), data[1]);
    }
  }
  return {inputs[place.data].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<BatchNormAttributes>();
  const BatchNormInputs place = batch_norm_inputs(attributes);
  const AxisView view = view_axis(inputs[place.data].shape(), 1);
  std::vector<double> values = to_doubles(inputs[place.data]);
  const std::vector<double> gamma = to_doubles(inputs[place.gamma]);
  const std::vector<double> beta = to_doubles(inputs[place.beta]);
  const std::vector<double> mean = to_doubles(inputs[3]);
  const std::vector<double> variance = to_doubles(inputs[4]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i / view.inner % view.extent;
    values[i] = gamma[c] * (values[i] - mean[c]) / std::sqrt(variance[c] + attributes.epsilon) + beta[c];
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef batch_norm_inference;
const OpDef batch_norm_inference{
    .name = "BatchNormInference",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "batch-norm-inference-5.html",
    .inputs = {5, 5},
    .openvino = {.type = "BatchNormInference", .versions = {1, 5}},
    .attributes = attributes_of<BatchNormAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
