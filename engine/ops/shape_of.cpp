// ShapeOf: the extents of the input as a list of integers. The reference reads the input's shape only.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/shape-of-3.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kI64;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const DataType type = node.attrs<Attributes>().output_type;
  check_index_type(type, "output_type");
  return {{type, {static_cast<std::int64_t>(inputs[0].type.shape.size())}}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  store(outputs[0], inputs[0].shape());
}

}  // namespace

extern const OpDef shape_of;
const OpDef shape_of{
    .name = "ShapeOf",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/"
        "shape-of-3.html",
    .inputs = {1, 1},
    .openvino = {.type = "ShapeOf", .versions = {1, 3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
    .reads_shapes_only = true,
};

}  // namespace fovea::ops
