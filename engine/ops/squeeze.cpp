// Squeeze: drops axes of extent 1: those given, or all of them without the second input.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/squeeze-1.html

#include <algorithm>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  std::vector<std::size_t> dropped;
  if (has_input(node, inputs, 1)) {
    dropped = normalize_axes(constant_ints(inputs[1], "axes"), shape.size());
    for (const std::size_t axis : dropped) {
      if (!extents_agree(shape[axis], 1)) {
        fail(ErrorCode::kInvalidModel, "axis {} of {} has extent {}, expected 1", axis, to_string(shape), shape[axis]);
      }
    }
  }
  if (dropped.empty()) {
    check_static(shape, "data");
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) {
        dropped.push_back(i);
      }
    }
  }
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (std::ranges::find(dropped, i) == dropped.end()) {
      result.push_back(shape[i]);
    }
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  copy_all(inputs[0], outputs[0]);
}

}  // namespace

extern const OpDef squeeze;
const OpDef squeeze{
    .name = "Squeeze",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/"
        "squeeze-1.html",
    .inputs = {1, 2},
    .openvino = {.type = "Squeeze", .versions = {1, 15}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
