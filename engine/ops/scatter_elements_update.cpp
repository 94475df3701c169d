// ScatterElementsUpdate: a copy of the data in which single elements, named by their index along one axis, are replaced
// by updates or combined with them.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/scatter-elements-update-12.html

#include "engine/ops/combination.hpp"
#include "engine/ops/indices.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  Combination reduction = Combination::kNone;
  bool use_init_val = true;  ///< The data's own element takes part in the combination.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("reduction", reduction);
    visit("use_init_val", use_init_val);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  if (node.attrs<Attributes>().reduction == Combination::kSubtract) {
    fail(ErrorCode::kInvalidModel, "reduction is sub, expected none, sum, prod, min, max or mean");
  }
  check_same_type(inputs[0], inputs[2]);
  if (!is_static(data) || !is_static(indices) || !is_static(inputs[2].type.shape)) {
    return {inputs[0].type};  // whether they fit shows when the model runs
  }
  const std::size_t axis = normalize_axis(constant_int(inputs[3], "axis"), data.size());
  bool fits = indices.size() == data.size() && inputs[2].type.shape == indices;
  for (std::size_t i = 0; fits && i < data.size(); ++i) {
    fits = i == axis || indices[i] <= data[i];
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "indices {} and updates {} do not fit data {} along axis {}", to_string(indices),
         to_string(inputs[2].type.shape), to_string(data), axis);
  }
  return {inputs[0].type};
}

template <class T>
void scatter(const Attributes& attributes, std::span<const ConstTensorView> inputs, std::vector<T> values,
             const std::vector<T>& updates, const TensorView& output) {
  const Shape& shape = inputs[0].shape();
  const std::size_t axis = normalize_axis(to_ints(inputs[3]).at(0), shape.size());
  const Shape strides = row_major_strides(shape);
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  std::vector<T> counts(values.size(), attributes.use_init_val ? T{1} : T{0});
  Shape at(shape.size(), 0);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    Shape target = at;
    target[axis] = static_cast<std::int64_t>(place(indices[i], static_cast<std::size_t>(shape[axis])));
    const auto flat = static_cast<std::size_t>(flat_index(target, strides));
    values[flat] = counts[flat] == T{0} ? updates[i] : combine(attributes.reduction, values[flat], updates[i]);
    counts[flat] += 1;
    next_index(at, inputs[1].shape());
  }
  if (attributes.reduction == Combination::kMean) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = counts[i] == T{0} ? values[i] : values[i] / counts[i];
    }
  }
  store(output, values);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  if (is_float(inputs[0].type.data_type)) {
    scatter(attributes, inputs, to_doubles(inputs[0]), to_doubles(inputs[2]), outputs[0]);
  } else {
    scatter(attributes, inputs, to_ints(inputs[0]), to_ints(inputs[2]), outputs[0]);
  }
}

}  // namespace

extern const OpDef scatter_elements_update;
const OpDef scatter_elements_update{
    .name = "ScatterElementsUpdate",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "scatter-elements-update-12.html",
    .inputs = {4, 4},
    .openvino = {.type = "ScatterElementsUpdate", .versions = {3, 12}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
