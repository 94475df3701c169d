// ShuffleChannels: an axis seen as [group, rest] is transposed to [rest, group].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/shuffle-channels-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t axis = 1;
  std::int64_t group = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
    visit("group", group);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].type.shape;
  const std::size_t axis = normalize_axis(attributes.axis, shape.size());
  check_range(attributes.group, 1, kMaxAttribute, "group");
  if (shape[axis] != kDynamic && shape[axis] % attributes.group != 0) {
    fail(ErrorCode::kInvalidModel, "axis {} of {} does not divide into {} groups", axis, to_string(shape),
         attributes.group);
  }
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const std::size_t axis = normalize_axis(attributes.axis, shape.size());
  const Shape strides = row_major_strides(shape);
  const std::int64_t rest = shape[axis] / attributes.group;
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    const std::int64_t source = index[axis] % attributes.group * rest + index[axis] / attributes.group;
    return flat_index(index, strides) + (source - index[axis]) * strides[axis];
  });
}

}  // namespace

extern const OpDef shuffle_channels;
const OpDef shuffle_channels{
    .name = "ShuffleChannels",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "shuffle-channels-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "ShuffleChannels", .versions = {1, 3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
