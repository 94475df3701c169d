// FakeQuantize: rounds [in_low, in_high] to `levels` steps, halves to even, and maps them to [out_low, out_high];
// inputs are data, in_low, in_high, out_low, out_high.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/quantization/fake-quantize-1.html

#include "engine/ops/fake_quantize.hpp"

#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<FakeQuantizeAttributes>();
  check_range(attributes.levels, 2, kMaxAttribute, "levels");
  const Shape& data = inputs[0].type.shape;
  for (std::size_t i = 1; i < 5; ++i) {
    check_same_type(inputs[0], inputs[i]);
    const Shape& limits = inputs[i].type.shape;
    const Shape result = broadcast_shapes(data, align_for_broadcast(attributes, data, limits));
    if (result.size() != data.size() || (is_static(data) && result != data)) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, which does not broadcast to data {}", i, to_string(limits),
           to_string(data));
    }
  }
  return {inputs[0].type};
}

/// One of the four limits, by element of the data.
struct Limit {
  std::vector<double> values;
  Broadcast index;

  Limit(const FakeQuantizeAttributes& attributes, const ConstTensorView& input, const Shape& data)
      : values(to_doubles(input)), index(align_for_broadcast(attributes, data, input.shape()), data) {}

  double operator[](std::size_t i) const { return values[index(i)]; }
};

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<FakeQuantizeAttributes>();
  const Shape& shape = inputs[0].shape();
  const Limit in_low(attributes, inputs[1], shape);
  const Limit in_high(attributes, inputs[2], shape);
  const Limit out_low(attributes, inputs[3], shape);
  const Limit out_high(attributes, inputs[4], shape);
  const double steps = static_cast<double>(attributes.levels - 1);
  std::vector<double> values = to_doubles(inputs[0]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    double& x = values[i];
    const double low = in_low[i];
    const double high = in_high[i];
    if (x <= std::min(low, high)) {
      x = out_low[i];
    } else if (x > std::max(low, high)) {
      x = out_high[i];
    } else {
      x = std::nearbyint((x - low) / (high - low) * steps) / steps * (out_high[i] - out_low[i]) + out_low[i];
    }
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef fake_quantize;
const OpDef fake_quantize{
    .name = "FakeQuantize",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/quantization/"
        "fake-quantize-1.html",
    .inputs = {5, 5},
    .openvino = {.type = "FakeQuantize", .versions = {1}},
    .attributes = attributes_of<FakeQuantizeAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
