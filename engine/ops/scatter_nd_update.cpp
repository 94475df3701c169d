// ScatterNDUpdate: a copy of the data in which slices, named by the leading coordinates in the last axis of indices,
// are replaced by updates or, from opset 15 on, combined with them.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/scatter-nd-update-15.html

#include <cstring>

#include "engine/ops/combination.hpp"
#include "engine/ops/indices.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  Combination reduction = Combination::kNone;  ///< Not mean.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("reduction", reduction);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  if (node.attrs<Attributes>().reduction == Combination::kMean) {
    fail(ErrorCode::kInvalidModel, "reduction is mean, expected none, sum, sub, prod, min or max");
  }
  check_same_type(inputs[0], inputs[2]);
  if (!is_static(data) || !is_static(indices) || !is_static(inputs[2].type.shape)) {
    return {inputs[0].type};  // whether they fit shows when the model runs
  }
  check_rank(indices, 1, 16, "indices");
  check_range(indices.back(), 0, static_cast<std::int64_t>(data.size()), "the last extent of the indices");
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), data.begin() + static_cast<std::ptrdiff_t>(indices.back()), data.end());
  if (inputs[2].type.shape != expected) {
    fail(ErrorCode::kInvalidModel, "updates are {}, expected {}", to_string(inputs[2].type.shape), to_string(expected));
  }
  return {inputs[0].type};
}

/// Updates that replace: whatever the element type, bytes are moved.
void replace_slices(std::span<const ConstTensorView> inputs, const TensorView& output) {
  copy_all(inputs[0], output);
  const Shape& shape = inputs[0].shape();
  const auto depth = static_cast<std::size_t>(inputs[1].shape().back());
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t slices = count_between(inputs[1].shape(), 0, inputs[1].shape().size() - 1);
  const std::size_t bytes = count_between(shape, depth, shape.size()) * size_of(output.type.data_type);
  for (std::size_t i = 0; i < slices; ++i) {
    const std::size_t slice = slice_number(std::span(indices).subspan(i * depth, depth), shape, 0);
    std::memcpy(output.bytes + slice * bytes, inputs[2].bytes + i * bytes, bytes);
  }
}

/// Updates that meet what is there.
template <class T>
void combine_slices(Combination reduction, std::span<const ConstTensorView> inputs, std::vector<T> values,
                    const std::vector<T>& updates, const TensorView& output) {
  const Shape& shape = inputs[0].shape();
  const auto depth = static_cast<std::size_t>(inputs[1].shape().back());
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t slices = count_between(inputs[1].shape(), 0, inputs[1].shape().size() - 1);
  const std::size_t count = count_between(shape, depth, shape.size());
  for (std::size_t i = 0; i < slices; ++i) {
    const std::size_t slice = slice_number(std::span(indices).subspan(i * depth, depth), shape, 0);
    for (std::size_t k = 0; k < count; ++k) {
      T& value = values[slice * count + k];
      value = combine(reduction, value, updates[i * count + k]);
    }
  }
  store(output, values);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Combination reduction = node.attrs<Attributes>().reduction;
  if (reduction == Combination::kNone) {
    replace_slices(inputs, outputs[0]);
  } else if (is_float(inputs[0].type.data_type)) {
    combine_slices(reduction, inputs, to_doubles(inputs[0]), to_doubles(inputs[2]), outputs[0]);
  } else {
    combine_slices(reduction, inputs, to_ints(inputs[0]), to_ints(inputs[2]), outputs[0]);
  }
}

}  // namespace

extern const OpDef scatter_nd_update;
const OpDef scatter_nd_update{
    .name = "ScatterNDUpdate",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "scatter-nd-update-15.html",
    .inputs = {3, 3},
    .openvino = {.type = "ScatterNDUpdate", .versions = {3, 15}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
