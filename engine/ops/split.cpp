// Split: cuts one axis, which the second input names, into equal parts.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/split-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/split_axis.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t num_splits = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("num_splits", num_splits);
  }
  bool operator==(const Attributes&) const = default;
};

constexpr std::int64_t kMaxOutputs = 1 << 16;  // far above any model; keeps the list of outputs small

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t parts = node.attrs<Attributes>().num_splits;
  check_range(parts, 1, kMaxOutputs, "num_splits");
  TensorType type = inputs[0].type;
  const std::size_t axis = normalize_axis(constant_int(inputs[1], "axis"), type.shape.size());
  if (type.shape[axis] != kDynamic) {
    if (type.shape[axis] % parts != 0) {
      fail(ErrorCode::kInvalidModel, "axis {} of {} does not divide into {} equal parts", axis, to_string(type.shape),
           parts);
    }
    type.shape[axis] /= parts;
  }
  return std::vector<TensorType>(static_cast<std::size_t>(parts), type);
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  split_axis(inputs[0], normalize_axis(to_ints(inputs[1]).at(0), inputs[0].shape().size()), outputs);
}

}  // namespace

extern const OpDef split;
const OpDef split{
    .name = "Split",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "split-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Split", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
