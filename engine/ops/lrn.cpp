// LRN: x / (bias + alpha/size^n * s)^beta, where s sums squares over a window of `size` elements along each of n axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/lrn-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double alpha = 1;
  double beta = 0.5;
  double bias = 1;
  std::int64_t size = 1;  ///< Odd in every known model; an even window has size-1 elements, as in the reference code.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("alpha", alpha);
    visit("beta", beta);
    visit("bias", bias);
    visit("size", size);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  check_range(node.attrs<Attributes>().size, 1, kMaxAttribute, "size");
  normalize_axes(constant_ints(inputs[1], "axes"), inputs[0].type.shape.size());
  return {inputs[0].type};
}

/// Sums over a window that is centred on each element and cut off at the ends of the axis.
std::vector<double> sum_windows(const std::vector<double>& values, const AxisView& view, std::size_t reach) {
  std::vector<double> sums(values.size(), 0.0);
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t i = 0; i < view.extent; ++i) {
      const std::size_t first = i < reach ? 0 : i - reach;
      const std::size_t last = std::min(view.extent, i + reach + 1);
      for (std::size_t j = first; j < last; ++j) {
        for (std::size_t inner = 0; inner < view.inner; ++inner) {
          sums[(outer * view.extent + i) * view.inner + inner] +=
              values[(outer * view.extent + j) * view.inner + inner];
        }
      }
    }
  }
  return sums;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> sums(values.size());
  std::ranges::transform(values, sums.begin(), [](double x) { return x * x; });
  double alpha = attributes.alpha;
  for (const std::size_t axis : normalize_axes(to_ints(inputs[1]), shape.size())) {
    sums = sum_windows(sums, view_axis(shape, axis), static_cast<std::size_t>((attributes.size - 1) / 2));
    alpha /= static_cast<double>(attributes.size);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] /= std::pow(attributes.bias + alpha * sums[i], attributes.beta);
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef lrn;
const OpDef lrn{
    .name = "LRN",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/normalization/"
        "lrn-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "LRN", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
