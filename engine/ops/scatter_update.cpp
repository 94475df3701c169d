// ScatterUpdate: a copy of the data in which slices along one axis, named by indices, are replaced by updates.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/scatter-update-3.html

#include <cstring>

#include "engine/ops/indices.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  const Shape& updates = inputs[2].type.shape;
  check_same_type(inputs[0], inputs[2]);
  const std::size_t axis = normalize_axis(constant_int(inputs[3], "axis"), data.size());
  Shape expected(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(axis));
  expected.insert(expected.end(), indices.begin(), indices.end());
  expected.insert(expected.end(), data.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.end());
  if (!is_static(expected) || !is_static(updates)) {
    return {inputs[0].type};  // whether they fit shows when the model runs
  }
  if (updates != expected) {
    fail(ErrorCode::kInvalidModel, "updates are {}, expected {}", to_string(updates), to_string(expected));
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  copy_all(inputs[0], outputs[0]);
  const Shape& shape = inputs[0].shape();
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t axis = normalize_axis(to_ints(inputs[3]).at(0), shape.size());
  const AxisView view = view_axis(shape, axis);
  const std::size_t bytes = view.inner * size_of(outputs[0].type.data_type);
  const std::byte* source = inputs[2].bytes;
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (const std::int64_t index : indices) {
      std::memcpy(outputs[0].bytes + (outer * view.extent + place(index, view.extent)) * bytes, source, bytes);
      source += bytes;
    }
  }
}

}  // namespace

extern const OpDef scatter_update;
const OpDef scatter_update{
    .name = "ScatterUpdate",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "scatter-update-3.html",
    .inputs = {4, 4},
    .openvino = {.type = "ScatterUpdate", .versions = {3}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
