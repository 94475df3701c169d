// VariadicSplit: cuts one axis, which the second input names, into parts of the lengths in the third; one of them may
// be -1, what remains.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/variadic-split-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/split_axis.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  const std::size_t axis = normalize_axis(constant_int(inputs[1], "axis"), shape.size());
  std::vector<std::int64_t> lengths = constant_ints(inputs[2], "split lengths");
  std::int64_t sum = 0;
  std::size_t open = lengths.size();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    check_range(lengths[i], -1, kMaxAttribute, "a split length");
    if (lengths[i] != -1) {
      sum = add_extents(sum, lengths[i]);
    } else if (open == lengths.size()) {
      open = i;
    } else {
      fail(ErrorCode::kInvalidModel, "split lengths have more than one -1");
    }
  }
  const std::int64_t extent = shape[axis];
  if (extent != kDynamic && (open == lengths.size() ? sum != extent : sum > extent)) {
    fail(ErrorCode::kInvalidModel, "split lengths add up to {}, axis {} of {} has {}", sum, axis, to_string(shape),
         extent);
  }
  if (open != lengths.size()) {
    lengths[open] = extent == kDynamic ? kDynamic : extent - sum;
  }
  std::vector<TensorType> types(lengths.size(), inputs[0].type);
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i].shape[axis] = lengths[i];
  }
  return types;
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  split_axis(inputs[0], normalize_axis(to_ints(inputs[1]).at(0), inputs[0].shape().size()), outputs);
}

}  // namespace

extern const OpDef variadic_split;
const OpDef variadic_split{
    .name = "VariadicSplit",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "variadic-split-1.html",
    .inputs = {3, 3},
    .openvino = {.type = "VariadicSplit", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
