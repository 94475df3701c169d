// DepthToSpace: moves blocks of channels to blocks of spatial positions: [N, C*b^k, D…] becomes [N, C, D*b…].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/depth-to-space-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/space_blocks.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t block = checked_block(node.attrs<BlockAttributes>(), inputs[0].type.shape);
  Shape shape = inputs[0].type.shape;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    shape[i] = multiply_extents(shape[i], block);
    if (shape[1] != kDynamic) {
      if (shape[1] % block != 0) {
        fail(ErrorCode::kInvalidModel, "{} channels do not divide by {} for every spatial axis",
             inputs[0].type.shape[1], block);
      }
      shape[1] /= block;
    }
  }
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<BlockAttributes>();
  const Shape strides = row_major_strides(inputs[0].shape());
  const std::int64_t channels = outputs[0].shape()[1];
  move_elements(inputs[0], outputs[0],
                [&](const Shape& fine) { return flat_index(coarse_index(attributes, fine, channels), strides); });
}

}  // namespace

extern const OpDef depth_to_space;
const OpDef depth_to_space{
    .name = "DepthToSpace",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "depth-to-space-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "DepthToSpace", .versions = {1}},
    .attributes = attributes_of<BlockAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
