// Selu: lambda*x for x > 0, lambda*alpha*(exp(x)-1) otherwise; alpha and lambda are the second and third input.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/selu-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  for (std::size_t i = 1; i < 3; ++i) {
    if (is_static(inputs[i].type.shape) && element_count(inputs[i].type.shape) != 1) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected a single value", i, to_string(inputs[i].type));
    }
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const double alpha = to_doubles(inputs[1]).at(0);
  const double lambda = to_doubles(inputs[2]).at(0);
  std::vector<double> values = to_doubles(inputs[0]);
  std::ranges::transform(values, values.begin(),
                         [&](double x) { return lambda * (x > 0 ? x : alpha * std::expm1(x)); });
  store(outputs[0], values);
}

}  // namespace

extern const OpDef selu;
const OpDef selu{
    .name = "Selu",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "selu-1.html",
    .inputs = {3, 3},
    .openvino = {.type = "Selu", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
