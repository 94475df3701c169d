// GroupNormalization: groups of channels (axis 1) to mean 0 and variance 1, then scaled and shifted by channel.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/group-normalization-12.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t num_groups = 1;
  double epsilon = 1e-5;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("num_groups", num_groups);
    visit("epsilon", epsilon);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t groups = node.attrs<Attributes>().num_groups;
  const Shape& shape = inputs[0].type.shape;
  check_rank(shape, 2, 16, "data");
  check_range(groups, 1, kMaxAttribute, "num_groups");
  if (shape[1] != kDynamic && shape[1] % groups != 0) {
    fail(ErrorCode::kInvalidModel, "{} channels do not divide into {} groups", shape[1], groups);
  }
  for (std::size_t i = 1; i < 3; ++i) {
    check_rank(inputs[i].type.shape, 1, 1, i == 1 ? "scale" : "bias");
    if (!extents_agree(inputs[i].type.shape[0], shape[1])) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected {} values", i, to_string(inputs[i].type), shape[1]);
    }
  }
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const auto channels = static_cast<std::size_t>(shape[1]);
  const std::size_t plane = count_between(shape, 2, shape.size());
  const std::size_t group = channels / static_cast<std::size_t>(attributes.num_groups) * plane;
  const std::vector<double> scale = to_doubles(inputs[1]);
  const std::vector<double> bias = to_doubles(inputs[2]);
  std::vector<double> values = to_doubles(inputs[0]);
  for (std::size_t begin = 0; group > 0 && begin < values.size(); begin += group) {
    double mean = 0;
    double variance = 0;
    for (std::size_t i = begin; i < begin + group; ++i) {
      mean += values[i] / static_cast<double>(group);
    }
    for (std::size_t i = begin; i < begin + group; ++i) {
      variance += (values[i] - mean) * (values[i] - mean) / static_cast<double>(group);
    }
    for (std::size_t i = begin; i < begin + group; ++i) {
      const std::size_t channel = i / plane % channels;
      values[i] = (values[i] - mean) / std::sqrt(variance + attributes.epsilon) * scale[channel] + bias[channel];
    }
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef group_normalization;
const OpDef group_normalization{
    .name = "GroupNormalization",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "group-normalization-12.html",
    .inputs = {3, 3},
    .openvino = {.type = "GroupNormalization", .versions = {12}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
