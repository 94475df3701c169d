// OneHot: a new axis of extent `depth` that holds on_value at each index and off_value elsewhere; inputs are indices,
// depth, on_value, off_value.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/one-hot-1.html

#include <cstring>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t axis = -1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Shape shape = inputs[0].type.shape;
  const std::size_t axis = normalize_axis(node.attrs<Attributes>().axis, shape.size() + 1);
  const std::int64_t depth = constant_int(inputs[1], "depth");
  check_range(depth, 0, kMaxAttribute, "depth");
  check_same_type(inputs[2], inputs[3]);
  for (std::size_t i = 2; i < 4; ++i) {
    if (is_static(inputs[i].type.shape) && element_count(inputs[i].type.shape) != 1) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected a single value", i, to_string(inputs[i].type));
    }
  }
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  return {{inputs[2].type.data_type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = outputs[0].shape();
  const AxisView view = view_axis(shape, normalize_axis(node.attrs<Attributes>().axis, shape.size()));
  const std::vector<std::int64_t> indices = to_ints(inputs[0]);
  const std::size_t size = size_of(outputs[0].type.data_type);
  for (std::size_t i = 0; i < element_count(shape); ++i) {
    const std::size_t position = i / view.inner % view.extent;
    const std::int64_t index = indices[i / view.inner / view.extent * view.inner + i % view.inner];
    const bool on = index == static_cast<std::int64_t>(position);
    std::memcpy(outputs[0].bytes + i * size, inputs[on ? 2 : 3].bytes, size);
  }
}

}  // namespace

extern const OpDef one_hot;
const OpDef one_hot{
    .name = "OneHot",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "one-hot-1.html",
    .inputs = {4, 4},
    .openvino = {.type = "OneHot", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
