// Convert: the same values as another element type; floats to integers truncate toward zero, anything to bool is "not
// 0". https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/type/convert-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/type_attribute.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType destination_type = DataType::kF32;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("destination_type", destination_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return {{node.attrs<Attributes>().destination_type, inputs[0].type.shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  if (is_float(inputs[0].type.data_type) || is_float(outputs[0].type.data_type)) {
    store(outputs[0], to_doubles(inputs[0]));
  } else {
    store(outputs[0], to_ints(inputs[0]));
  }
}

}  // namespace

extern const OpDef convert;
const OpDef convert{
    .name = "Convert",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/type/"
        "convert-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Convert", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
    .widen_attributes = widen_type_attribute<Attributes, &Attributes::destination_type>,
};

}  // namespace fovea::ops
