// CumSum: running sums along one axis (second input, else 0), with or without the element itself, from either end.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/cumsum-3.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool exclusive = false;
  bool reverse = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("exclusive", exclusive);
    visit("reverse", reverse);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t axis = has_input(node, inputs, 1) ? constant_int(inputs[1], "axis") : 0;
  normalize_axis(axis, inputs[0].type.shape.size());
  return {inputs[0].type};
}

template <class T, class Add>
void run(const Attributes& attributes, const AxisView& view, std::vector<T> values, const TensorView& output, Add add) {
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t inner = 0; inner < view.inner; ++inner) {
      T sum{};
      for (std::size_t i = 0; i < view.extent; ++i) {
        const std::size_t position = attributes.reverse ? view.extent - 1 - i : i;
        T& value = values[(outer * view.extent + position) * view.inner + inner];
        const T next = add(sum, value);
        value = attributes.exclusive ? sum : next;
        sum = next;
      }
    }
  }
  store(output, values);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const std::int64_t axis = has_input(inputs, 1) ? to_ints(inputs[1]).at(0) : 0;
  const AxisView view = view_axis(shape, normalize_axis(axis, shape.size()));
  if (is_float(inputs[0].type.data_type)) {
    run(attributes, view, to_doubles(inputs[0]), outputs[0], [](double a, double b) { return a + b; });
  } else {
    run(attributes, view, to_ints(inputs[0]), outputs[0], wrap_add);
  }
}

}  // namespace

extern const OpDef cum_sum;
const OpDef cum_sum{
    .name = "CumSum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "cumsum-3.html",
    .inputs = {1, 2},
    .openvino = {.type = "CumSum", .versions = {3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
