// DeformableConvolution: a convolution whose kernel elements are moved by offsets [N, D*kh*kw*2, oh, ow] (vertical,
// then horizontal) and read bilinearly. Inputs: data [N,C,H,W], offsets, weights [M,C/G,kh,kw], from opset 8 on a
// factor for each kernel element [N, D*kh*kw, oh, ow]. D = deformable_group, G = group.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/deformable-convolution-8.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/spatial.hpp"

namespace fovea::ops {
namespace {

struct Attributes : ConvolutionAttributes {
  std::int64_t group = 1;
  std::int64_t deformable_group = 1;
  /// What lies outside the data is 0 for the interpolation, too; else samples outside are 0, those inside use the edge.
  bool bilinear_interpolation_pad = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    ConvolutionAttributes::describe(visit);
    visit("group", group);
    visit("deformable_group", deformable_group);
    visit("bilinear_interpolation_pad", bilinear_interpolation_pad);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<Window> windows(const Attributes& attributes, const Shape& data, const Shape& weights) {
  return convolution_windows(attributes, {data[2], data[3]}, {weights[2], weights[3]});
}

void check_shape(const Shape& shape, const Shape& expected, std::string_view what) {
  if (shape != expected) {
    fail(ErrorCode::kInvalidModel, "{} are {}, expected {}", what, to_string(shape), to_string(expected));
  }
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (has_input(node, inputs, i)) {
      check_rank(inputs[i].type.shape, 4, 4, "an input");
      check_static(inputs[i].type.shape, "an input");
    }
  }
  const Shape& data = inputs[0].type.shape;
  const Shape& weights = inputs[2].type.shape;
  check_range(attributes.group, 1, kMaxAttribute, "group");
  check_range(attributes.deformable_group, 1, kMaxAttribute, "deformable_group");
  if (data[1] % attributes.deformable_group != 0 || weights[0] % attributes.group != 0 ||
      data[1] != multiply_extents(weights[1], attributes.group)) {
    fail(ErrorCode::kInvalidModel, "data {} and weights {} do not fit {} groups and {} deformable groups",
         to_string(data), to_string(weights), attributes.group, attributes.deformable_group);
  }
  const std::vector<Window> window = windows(attributes, data, weights);
  const std::int64_t places = multiply_extents(attributes.deformable_group, multiply_extents(weights[2], weights[3]));
  check_shape(inputs[1].type.shape, {data[0], 2 * places, window[0].output, window[1].output}, "offsets");
  if (has_input(node, inputs, 3)) {
    check_shape(inputs[3].type.shape, {data[0], places, window[0].output, window[1].output}, "factors");
  }
  return {{inputs[0].type.data_type, {data[0], weights[0], window[0].output, window[1].output}}};
}

/// One channel of one item.
struct Plane {
  const double* values;
  std::int64_t height;
  std::int64_t width;
  bool zero_outside;

  [[nodiscard]] double at(std::int64_t y, std::int64_t x) const {
    return y < 0 || x < 0 || y >= height || x >= width ? 0 : values[y * width + x];
  }

  [[nodiscard]] double sample(double y, double x) const {
    const double least = zero_outside ? -1 : 0;
    const bool inside = zero_outside ? y > least && x > least : y >= least && x >= least;
    if (!inside || !(y < static_cast<double>(height)) || !(x < static_cast<double>(width))) {
      return 0;
    }
    const auto top = static_cast<std::int64_t>(std::floor(y));
    const auto left = static_cast<std::int64_t>(std::floor(x));
    const std::int64_t bottom = zero_outside ? top + 1 : std::min(top + 1, height - 1);
    const std::int64_t right = zero_outside ? left + 1 : std::min(left + 1, width - 1);
    const double dy = y - static_cast<double>(top);
    const double dx = x - static_cast<double>(left);
    return (1 - dy) * ((1 - dx) * at(top, left) + dx * at(top, right)) +
           dy * ((1 - dx) * at(bottom, left) + dx * at(bottom, right));
  }
};

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const Shape& weights_shape = inputs[2].shape();
  const std::vector<Window> window = windows(attributes, shape, weights_shape);
  const std::vector<double> data = to_doubles(inputs[0]);
  const std::vector<double> offsets = to_doubles(inputs[1]);
  const std::vector<double> weights = to_doubles(inputs[2]);
  const std::vector<double> factors = has_input(inputs, 3) ? to_doubles(inputs[3]) : std::vector<double>();
  const Shape& out = outputs[0].shape();
  const std::int64_t kernel = weights_shape[2] * weights_shape[3];
  const std::int64_t area = out[2] * out[3];
  const std::int64_t group_outputs = out[1] / attributes.group;
  const std::int64_t deformable_channels = shape[1] / attributes.deformable_group;
  std::vector<double> result;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(element_count(out)); ++i) {
    const std::int64_t place = i % area;
    const std::int64_t channel = i / area % out[1];
    const std::int64_t item = i / area / out[1];
    const double top = static_cast<double>(place / out[3] * window[0].stride - window[0].pad_begin);
    const double left = static_cast<double>(place % out[3] * window[1].stride - window[1].pad_begin);
    double sum = 0;
    for (std::int64_t c = 0; c < weights_shape[1]; ++c) {
      const std::int64_t input = channel / group_outputs * weights_shape[1] + c;
      const Plane plane{.values = data.data() + (item * shape[1] + input) * shape[2] * shape[3],
                        .height = shape[2],
                        .width = shape[3],
                        .zero_outside = attributes.bilinear_interpolation_pad};
      for (std::int64_t k = 0; k < kernel; ++k) {
        const std::int64_t moved = (item * attributes.deformable_group + input / deformable_channels) * kernel + k;
        const double y = top + static_cast<double>(k / weights_shape[3] * window[0].dilation) +
                         offsets[static_cast<std::size_t>((2 * moved) * area + place)];
        const double x = left + static_cast<double>(k % weights_shape[3] * window[1].dilation) +
                         offsets[static_cast<std::size_t>((2 * moved + 1) * area + place)];
        const double factor = factors.empty() ? 1 : factors[static_cast<std::size_t>(moved * area + place)];
        sum += factor * plane.sample(y, x) *
               weights[static_cast<std::size_t>((channel * weights_shape[1] + c) * kernel + k)];
      }
    }
    result.push_back(sum);
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef deformable_convolution;
const OpDef deformable_convolution{
    .name = "DeformableConvolution",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/"
        "deformable-convolution-8.html",
    .inputs = {3, 4},
    .openvino = {.type = "DeformableConvolution", .versions = {1, 8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
