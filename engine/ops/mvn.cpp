// MVN: subtracts the mean over some axes and divides by the standard deviation when normalize_variance is set.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/mvn-6.html

#include "engine/ops/mvn.hpp"

#include <algorithm>
#include <cmath>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<MvnAttributes>();
  std::vector<std::int64_t> axes;
  const bool given = has_input(node, inputs, 1);
  if (given) {
    axes = constant_ints(inputs[1], "axes");
  }
  mvn_axes(attributes, inputs[0].type.shape.size(), given ? &axes : nullptr);
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<MvnAttributes>();
  const Shape& shape = inputs[0].shape();
  std::vector<std::int64_t> given;
  if (has_input(inputs, 1)) {
    given = to_ints(inputs[1]);
  }
  Shape kept = shape;
  double count = 1;
  const auto axes = mvn_axes(attributes, shape.size(), has_input(inputs, 1) ? &given : nullptr);
  for (const std::size_t axis : axes) {
    count *= static_cast<double>(shape[axis]);
    kept[axis] = 1;
  }
  Shape strides = row_major_strides(kept);
  for (const std::size_t axis : axes) {
    strides[axis] = 0;
  }
  std::vector<double> values = to_doubles(inputs[0]);
  const auto for_each = [&](auto visit) {
    Shape index(shape.size(), 0);
    for (double& value : values) {
      visit(value, static_cast<std::size_t>(flat_index(index, strides)));
      next_index(index, shape);
    }
  };
  std::vector<double> means(element_count(kept), 0.0);
  for_each([&](double value, std::size_t group) { means[group] += value / count; });
  for_each([&](double& value, std::size_t group) { value -= means[group]; });
  if (attributes.normalize_variance) {
    std::vector<double> variances(means.size(), 0.0);
    for_each([&](double value, std::size_t group) { variances[group] += value * value / count; });
    const bool inside = attributes.opset < 6 || attributes.eps_mode == EpsMode::kInsideSqrt;
    for_each([&](double& value, std::size_t group) {
      value /= inside ? std::sqrt(variances[group] + attributes.eps) : std::sqrt(variances[group]) + attributes.eps;
    });
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef mvn;
const OpDef mvn{
    .name = "MVN",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "mvn-6.html",
    .inputs = {1, 2},
    .openvino = {.type = "MVN", .versions = {1, 2, 6}},
    .attributes = attributes_of<MvnAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
