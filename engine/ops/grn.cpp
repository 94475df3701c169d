// GRN: x divided by the square root of bias plus the sum of squares over the channels (axis 1).
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/grn-1.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double bias = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("bias", bias);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  check_rank(inputs[0].type.shape, 2, 5, "data");
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const AxisView view = view_axis(inputs[0].shape(), 1);
  std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> sums(view.outer * view.inner, node.attrs<Attributes>().bias);
  const auto group = [&](std::size_t i) { return i / (view.extent * view.inner) * view.inner + i % view.inner; };
  for (std::size_t i = 0; i < values.size(); ++i) {
    sums[group(i)] += values[i] * values[i];
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] /= std::sqrt(sums[group(i)]);
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef grn;
const OpDef grn{
    .name = "GRN",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "grn-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "GRN", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
