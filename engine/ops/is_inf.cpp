// IsInf: true where an element is infinite, of the signs asked for.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/isinf-10.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool detect_negative = true;
  bool detect_positive = true;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("detect_negative", detect_negative);
    visit("detect_positive", detect_positive);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {{DataType::kBool, inputs[0].type.shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const std::vector<double> values = to_doubles(inputs[0]);
  std::ranges::transform(values, outputs[0].data<bool>().begin(), [&](double x) {
    return std::isinf(x) && (x < 0 ? attributes.detect_negative : attributes.detect_positive);
  });
}

}  // namespace

extern const OpDef is_inf;
const OpDef is_inf{
    .name = "IsInf",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/comparison/"
        "isinf-10.html",
    .inputs = {1, 1},
    .openvino = {.type = "IsInf", .versions = {10}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
