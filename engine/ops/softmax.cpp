// Softmax: exp(x) divided by the sum of exp(x) along one axis.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/softmax-8.html

#include "engine/ops/softmax.hpp"

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  normalize_axis(node.attrs<SoftmaxAttributes>().axis, inputs[0].type.shape.size());
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  const AxisView view = view_axis(shape, normalize_axis(node.attrs<SoftmaxAttributes>().axis, shape.size()));
  std::vector<double> values = to_doubles(inputs[0]);
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t inner = 0; inner < view.inner; ++inner) {
      const auto at = [&](std::size_t i) -> double& { return values[(outer * view.extent + i) * view.inner + inner]; };
      double largest = -INFINITY;  // subtracted so that exp cannot overflow
      for (std::size_t i = 0; i < view.extent; ++i) {
        largest = std::max(largest, at(i));
      }
      double sum = 0;
      for (std::size_t i = 0; i < view.extent; ++i) {
        at(i) = std::exp(at(i) - largest);
        sum += at(i);
      }
      for (std::size_t i = 0; i < view.extent; ++i) {
        at(i) /= sum;
      }
    }
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef softmax;
const OpDef softmax{
    .name = "Softmax",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "softmax-8.html",
    .inputs = {1, 1},
    .openvino = {.type = "SoftMax", .versions = {1, 8}},
    .attributes = attributes_of<SoftmaxAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
