// SpaceToBatch: pads all axes but the first with zeros; positions within blocks become items of the batch.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/space-to-batch-2.html

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
      check_blocks({constant_ints(inputs[1], "block_shape"), constant_ints(inputs[2], "pads_begin"),
                    constant_ints(inputs[3], "pads_end")},
                   shape.size(), "pads");
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] == kDynamic) {
      continue;
    }
    const std::int64_t padded = add_extents(shape[i], blocks.begin[i] + blocks.end[i]);
    if (padded % blocks.block[i] != 0) {
      fail(ErrorCode::kInvalidModel, "axis {} of {} elements with pads has no blocks of {}", i, padded,
           blocks.block[i]);
    }
    shape[i] = padded / blocks.block[i];
  }
  shape[0] = multiply_extents(shape[0], blocks.volume);
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& data = inputs[0].shape();
  const BatchBlocks blocks =
      check_blocks({to_ints(inputs[1]), to_ints(inputs[2]), to_ints(inputs[3])}, data.size(), "pads");
  const Shape strides = row_major_strides(data);
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    Shape source = index;
    std::int64_t block = index[0] / data[0];
    bool inside = true;
    for (std::size_t i = source.size(); i-- > 1;) {
      source[i] = index[i] * blocks.block[i] + block % blocks.block[i] - blocks.begin[i];
      block /= blocks.block[i];
      inside = inside && source[i] >= 0 && source[i] < data[i];
    }
    source[0] = index[0] % data[0];
    return inside ? flat_index(source, strides) : -1;
  });
}

}  // namespace

extern const OpDef space_to_batch;
const OpDef space_to_batch{
    .name = "SpaceToBatch",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "space-to-batch-2.html",
    .inputs = {4, 4},
    .openvino = {.type = "SpaceToBatch", .versions = {2}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
