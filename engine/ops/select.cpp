// Select: elements of the second input where the first (bool) is true, of the third elsewhere, with broadcasting.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/select-1.html

#include <cstring>

#include "engine/ops/binary.hpp"
#include "engine/ops/elementwise.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<BroadcastAttributes>();
  check_same_type(inputs[1], inputs[2]);
  const Shape& then = inputs[1].type.shape;
  const Shape values = broadcast_shapes(then, align_for_broadcast(attributes, then, inputs[2].type.shape));
  const Shape condition = align_for_broadcast(attributes, values, inputs[0].type.shape);
  return {{inputs[1].type.data_type, broadcast_shapes(values, condition)}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<BroadcastAttributes>();
  const Shape& shape = outputs[0].shape();
  const Shape& then_shape = inputs[1].shape();
  const Shape else_shape = align_for_broadcast(attributes, then_shape, inputs[2].shape());
  const Shape values = broadcast_shapes(then_shape, else_shape);
  const Broadcast condition_index(align_for_broadcast(attributes, values, inputs[0].shape()), shape);
  const Broadcast then_index(then_shape, shape);
  const Broadcast else_index(else_shape, shape);
  const std::vector<std::int64_t> condition = to_ints(inputs[0]);
  const std::size_t size = size_of(outputs[0].type.data_type);
  for (std::size_t i = 0; i < element_count(shape); ++i) {
    const std::byte* source = condition[condition_index(i)] != 0 ? inputs[1].bytes + then_index(i) * size
                                                                 : inputs[2].bytes + else_index(i) * size;
    std::memcpy(outputs[0].bytes + i * size, source, size);
  }
}

}  // namespace

extern const OpDef select;
const OpDef select{
    .name = "Select",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/"
        "select-1.html",
    .inputs = {3, 3},
    .openvino = {.type = "Select", .versions = {1}},
    .attributes = attributes_of<BroadcastAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
