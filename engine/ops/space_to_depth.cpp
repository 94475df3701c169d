// SpaceToDepth: moves blocks of spatial positions to channels: [N, C, D*b…] becomes [N, C*b^k, D…].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/space-to-depth-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/space_blocks.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t block = checked_block(node.attrs<BlockAttributes>(), inputs[0].type.shape);
  Shape shape = inputs[0].type.shape;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    shape[1] = multiply_extents(shape[1], block);
    if (shape[i] != kDynamic) {
      if (shape[i] % block != 0) {
        fail(ErrorCode::kInvalidModel, "axis {} of {} does not divide by {}", i, to_string(inputs[0].type.shape),
             block);
      }
      shape[i] /= block;
    }
  }
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<BlockAttributes>();
  const Shape strides = row_major_strides(inputs[0].shape());
  const std::int64_t channels = inputs[0].shape()[1];
  move_elements(inputs[0], outputs[0],
                [&](const Shape& coarse) { return flat_index(fine_index(attributes, coarse, channels), strides); });
}

}  // namespace

extern const OpDef space_to_depth;
const OpDef space_to_depth{
    .name = "SpaceToDepth",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "space-to-depth-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "SpaceToDepth", .versions = {1}},
    .attributes = attributes_of<BlockAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
