// GatherElements: single elements of the data, named by their index along one axis.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/gather-elements-6.html

#include "engine/ops/indices.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t axis = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  const std::size_t axis = normalize_axis(node.attrs<Attributes>().axis, data.size());
  bool fits = indices.size() == data.size();
  for (std::size_t i = 0; fits && i < data.size(); ++i) {
    fits = i == axis || extents_agree(indices[i], data[i]);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "indices {} do not fit data {} except along axis {}", to_string(indices),
         to_string(data), axis);
  }
  return {{inputs[0].type.data_type, indices}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  const std::size_t axis = normalize_axis(node.attrs<Attributes>().axis, shape.size());
  const Shape strides = row_major_strides(shape);
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  std::size_t i = 0;
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    const auto source = static_cast<std::int64_t>(place(indices[i++], static_cast<std::size_t>(shape[axis])));
    return flat_index(index, strides) + (source - index[axis]) * strides[axis];
  });
}

}  // namespace

extern const OpDef gather_elements;
const OpDef gather_elements{
    .name = "GatherElements",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "gather-elements-6.html",
    .inputs = {2, 2},
    .openvino = {.type = "GatherElements", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
