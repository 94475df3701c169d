// Tile: repeats the data along each axis; the shorter of shape and repeats is filled up with leading 1s.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/tile-1.html

#include <algorithm>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

Shape with_leading_ones(const Shape& shape, std::size_t rank) {
  Shape result(rank - std::min(rank, shape.size()), 1);
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  Shape repeats = constant_ints(inputs[1], "repeats");
  const std::size_t rank = std::max(repeats.size(), inputs[0].type.shape.size());
  repeats = with_leading_ones(repeats, rank);
  Shape result = with_leading_ones(inputs[0].type.shape, rank);
  for (std::size_t i = 0; i < rank; ++i) {
    check_range(repeats[i], 0, kMaxAttribute, "repeats");
    result[i] = multiply_extents(result[i], repeats[i]);
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape shape = with_leading_ones(inputs[0].shape(), outputs[0].shape().size());
  const Shape strides = row_major_strides(shape);
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    std::int64_t flat = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      flat += index[i] % shape[i] * strides[i];
    }
    return flat;
  });
}

}  // namespace

extern const OpDef tile;
const OpDef tile{
    .name = "Tile",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "tile-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Tile", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
