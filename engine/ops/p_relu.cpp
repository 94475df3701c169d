// PReLU: x for x >= 0, slope*x otherwise; a slope of rank 1 belongs to axis 1, any other broadcasts as in numpy.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/prelu-1.html

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// The slope's shape as numpy broadcasting needs it.
Shape align_slope(const Shape& data, const Shape& slope) {
  if (slope.size() != 1 || data.size() < 2 || slope[0] == 1 || !extents_agree(slope[0], data[1])) {
    return slope;
  }
  Shape aligned(data.size() - 1, 1);
  aligned[0] = slope[0];
  return aligned;
}

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  check_same_type(inputs[0], inputs[1]);
  const Shape& data = inputs[0].type.shape;
  const Shape& slope = inputs[1].type.shape;
  const Shape result = broadcast_shapes(data, align_slope(data, slope));
  if (is_static(data) && result != data) {
    fail(ErrorCode::kInvalidModel, "slope {} does not broadcast to data {}", to_string(slope), to_string(data));
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  std::vector<double> values = to_doubles(inputs[0]);
  const std::vector<double> slopes = to_doubles(inputs[1]);
  const Broadcast index(align_slope(inputs[0].shape(), inputs[1].shape()), outputs[0].shape());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = apply({.kind = PostOpKind::kPRelu}, values[i], slopes[index(i)]);
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef p_relu;
const OpDef p_relu{
    .name = "PRelu",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "prelu-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "PReLU", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
