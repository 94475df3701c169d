// Transpose: output axis i is input axis order[i]; an empty order reverses the axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/transpose-1.html

#include <numeric>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<std::size_t> read_order(const std::vector<std::int64_t>& order, std::size_t rank) {
  if (order.empty()) {
    std::vector<std::size_t> reversed(rank);
    for (std::size_t i = 0; i < rank; ++i) {
      reversed[i] = rank - 1 - i;
    }
    return reversed;
  }
  if (order.size() != rank) {
    fail(ErrorCode::kInvalidModel, "order has {} values, expected {}", order.size(), rank);
  }
  return normalize_axes(order, rank, "order");
}

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  Shape result;
  for (const std::size_t axis : read_order(constant_ints(inputs[1], "order"), shape.size())) {
    result.push_back(shape[axis]);
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape strides = row_major_strides(inputs[0].shape());
  Shape permuted;
  for (const std::size_t axis : read_order(to_ints(inputs[1]), strides.size())) {
    permuted.push_back(strides[axis]);
  }
  move_elements(inputs[0], outputs[0], [&](const Shape& index) { return flat_index(index, permuted); });
}

}  // namespace

extern const OpDef transpose;
const OpDef transpose{
    .name = "Transpose",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "transpose-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Transpose", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
