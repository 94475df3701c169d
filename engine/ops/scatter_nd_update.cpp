// ScatterNDUpdate: a copy of the data in which slices, named by the leading coordinates in the last axis of indices,
// are replaced by updates.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/scatter-nd-update-3.html

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
  check_same_type(inputs[0], inputs[2]);
  check_static(data, "data");
  check_static(indices, "indices");
  check_rank(indices, 1, 16, "indices");
  check_range(indices.back(), 0, static_cast<std::int64_t>(data.size()), "the last extent of the indices");
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), data.begin() + static_cast<std::ptrdiff_t>(indices.back()), data.end());
  if (inputs[2].type.shape != expected) {
    fail(ErrorCode::kInvalidModel, "updates are {}, expected {}", to_string(inputs[2].type.shape), to_string(expected));
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  copy_all(inputs[0], outputs[0]);
  const Shape& shape = inputs[0].shape();
  const auto depth = static_cast<std::size_t>(inputs[1].shape().back());
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t slices = count_between(inputs[1].shape(), 0, inputs[1].shape().size() - 1);
  const std::size_t bytes = count_between(shape, depth, shape.size()) * size_of(outputs[0].type.data_type);
  for (std::size_t i = 0; i < slices; ++i) {
    const std::size_t slice = slice_number(std::span(indices).subspan(i * depth, depth), shape, 0);
    std::memcpy(outputs[0].bytes + slice * bytes, inputs[2].bytes + i * bytes, bytes);
  }
}

}  // namespace

extern const OpDef scatter_nd_update;
const OpDef scatter_nd_update{
    .name = "ScatterNDUpdate",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "scatter-nd-update-3.html",
    .inputs = {3, 3},
    .openvino = {.type = "ScatterNDUpdate", .versions = {3}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
