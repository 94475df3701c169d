// Eye: matrices with ones on a diagonal. Inputs: rows, columns, number of the diagonal, and optionally the batch's
// shape.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/eye-9.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/type_attribute.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kF32;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Shape shape = has_input(node, inputs, 3) ? Shape(constant_ints(inputs[3], "batch shape")) : Shape();
  check_range(static_cast<std::int64_t>(shape.size()), 0, 14, "the length of the batch shape");
  shape.push_back(constant_int(inputs[0], "number of rows"));
  shape.push_back(constant_int(inputs[1], "number of columns"));
  for (const std::int64_t extent : shape) {
    check_range(extent, 0, kMaxAttribute, "an extent");
  }
  if (is_static(inputs[2].type.shape) && element_count(inputs[2].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "the diagonal is {}, expected a single value", to_string(inputs[2].type));
  }
  return {{node.attrs<Attributes>().output_type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = outputs[0].shape();
  const std::int64_t diagonal = to_ints(inputs[2]).at(0);
  const auto columns = static_cast<std::size_t>(shape.back());
  const auto rows = static_cast<std::size_t>(shape[shape.size() - 2]);
  std::vector<double> values(element_count(shape), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i % columns);
    const auto row = static_cast<std::int64_t>(i / columns % rows);
    values[i] = column - diagonal == row ? 1 : 0;
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef eye;
const OpDef eye{
    .name = "Eye",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/"
        "eye-9.html",
    .inputs = {3, 4},
    .openvino = {.type = "Eye", .versions = {9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
    .widen_attributes = widen_type_attribute<Attributes, &Attributes::output_type>,
};

}  // namespace fovea::ops
