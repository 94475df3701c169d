// BatchToSpace: blocks of the batch become positions of the other axes, which are then cropped.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/batch-to-space-2.html

#include <algorithm>

#include "engine/ops/batch_blocks.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  Shape shape = inputs[0].type.shape;
  const BatchBlocks blocks =
      check_blocks({constant_ints(inputs[1], "block_shape"), constant_ints(inputs[2], "crops_begin"),
                    constant_ints(inputs[3], "crops_end")},
                   shape.size(), "crops");
  if (shape[0] != kDynamic && shape[0] % blocks.volume != 0) {
    fail(ErrorCode::kInvalidModel, "a batch of {} has no blocks of {}", shape[0], blocks.volume);
  }
  shape[0] = shape[0] == kDynamic ? kDynamic : shape[0] / blocks.volume;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] == kDynamic) {
      continue;
    }
    shape[i] = multiply_extents(shape[i], blocks.block[i]) - blocks.begin[i] - blocks.end[i];
    check_range(shape[i], 0, kMaxAttribute, "a cropped extent");
  }
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& data = inputs[0].shape();
  const BatchBlocks blocks =
      check_blocks({to_ints(inputs[1]), to_ints(inputs[2]), to_ints(inputs[3])}, data.size(), "crops");
  const Shape strides = row_major_strides(data);
  const std::int64_t batch = outputs[0].shape()[0];
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    Shape source = index;
    std::int64_t block = 0;
    for (std::size_t i = 1; i < source.size(); ++i) {
      const std::int64_t place = index[i] + blocks.begin[i];
      block = block * blocks.block[i] + place % blocks.block[i];
      source[i] = place / blocks.block[i];
    }
    source[0] = block * batch + index[0];
    return flat_index(source, strides);
  });
}

}  // namespace

extern const OpDef batch_to_space;
const OpDef batch_to_space{
    .name = "BatchToSpace",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "batch-to-space-2.html",
    .inputs = {4, 4},
    .openvino = {.type = "BatchToSpace", .versions = {2}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
