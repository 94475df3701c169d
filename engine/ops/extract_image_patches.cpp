// ExtractImagePatches: windows of data [N,C,H,W] as channels [N,h*w*C,H',W'], by row, column and channel of the window.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/extract-image-patches-3.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/spatial.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> rates;  ///< Distance of a window's elements.
  AutoPad auto_pad = AutoPad::kValid;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("sizes", sizes);
    visit("strides", strides);
    visit("rates", rates);
    visit("auto_pad", auto_pad);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<Window> windows(const Attributes& attributes, const Shape& data) {
  if (attributes.sizes.size() != 2) {
    fail(ErrorCode::kInvalidModel, "sizes has {} values, expected 2", attributes.sizes.size());
  }
  ConvolutionAttributes window;
  window.strides = attributes.strides;
  window.dilations = attributes.rates;
  window.auto_pad = attributes.auto_pad;
  return convolution_windows(window, {data[2], data[3]}, attributes.sizes);
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& data = inputs[0].type.shape;
  check_rank(data, 4, 4, "data");
  const std::vector<Window> window = windows(attributes, data);
  const std::int64_t area = multiply_extents(attributes.sizes[0], attributes.sizes[1]);
  return {{inputs[0].type.data_type, {data[0], multiply_extents(area, data[1]), window[0].output, window[1].output}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& data = inputs[0].shape();
  const std::vector<Window> window = windows(node.attrs<Attributes>(), data);
  const Shape strides = row_major_strides(data);
  move_elements(inputs[0], outputs[0], [&](const Shape& index) -> std::int64_t {
    const std::int64_t place = index[1] / data[1];
    const std::int64_t row = place / window[1].kernel;
    const std::int64_t column = place % window[1].kernel;
    const std::int64_t y = index[2] * window[0].stride - window[0].pad_begin + row * window[0].dilation;
    const std::int64_t x = index[3] * window[1].stride - window[1].pad_begin + column * window[1].dilation;
    const bool inside = y >= 0 && y < data[2] && x >= 0 && x < data[3];
    return inside ? flat_index(Shape{index[0], index[1] % data[1], y, x}, strides) : -1;
  });
}

}  // namespace

extern const OpDef extract_image_patches;
const OpDef extract_image_patches{
    .name = "ExtractImagePatches",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "extract-image-patches-3.html",
    .inputs = {1, 1},
    .openvino = {.type = "ExtractImagePatches", .versions = {3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
