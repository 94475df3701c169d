// Unsqueeze: inserts axes of extent 1; the given axes are positions in the output.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/unsqueeze-1.html

#include <algorithm>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  const std::vector<std::int64_t> axes = constant_ints(inputs[1], "axes");
  std::vector<std::size_t> added = normalize_axes(axes, shape.size() + axes.size());
  std::ranges::sort(added);
  Shape result = shape;
  for (const std::size_t axis : added) {
    result.insert(result.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  copy_all(inputs[0], outputs[0]);
}

}  // namespace

extern const OpDef unsqueeze;
const OpDef unsqueeze{
    .name = "Unsqueeze",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/"
        "unsqueeze-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Unsqueeze", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
