// NormalizeL2: x divided by the square root of the sum of squares over the given axes, to which eps is added or which
// is at least eps; without axes, of the element's own square.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/normalize-l2-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class NormEps : std::uint8_t { kAdd, kMax };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::NormEps> {
  static constexpr std::array kNames = {std::pair{"add", ops::NormEps::kAdd}, std::pair{"max", ops::NormEps::kMax}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  double eps = 1e-9;
  NormEps eps_mode = NormEps::kAdd;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("eps", eps);
    visit("eps_mode", eps_mode);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  normalize_axes(constant_ints(inputs[1], "axes"), inputs[0].type.shape.size());
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const auto axes = normalize_axes(to_ints(inputs[1]), shape.size());
  Shape kept = shape;
  for (const std::size_t axis : axes) {
    kept[axis] = 1;
  }
  Shape strides = row_major_strides(kept);
  for (const std::size_t axis : axes) {
    strides[axis] = 0;
  }
  std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> sums(element_count(kept), 0.0);
  const auto for_each = [&](auto visit) {
    Shape index(shape.size(), 0);
    for (double& value : values) {
      visit(value, sums[static_cast<std::size_t>(flat_index(index, strides))]);
      next_index(index, shape);
    }
  };
  for_each([](double value, double& sum) { sum += value * value; });
  for_each([&](double& value, double sum) {
    value /= std::sqrt(attributes.eps_mode == NormEps::kAdd ? sum + attributes.eps : std::max(sum, attributes.eps));
  });
  store(outputs[0], values);
}

}  // namespace

extern const OpDef normalize_l2;
const OpDef normalize_l2{
    .name = "NormalizeL2",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "normalize-l2-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "NormalizeL2", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
