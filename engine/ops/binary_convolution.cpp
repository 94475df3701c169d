// BinaryConvolution: data [N,C,y,x] and weights [O,C,y,x] of zeros and ones, where 0 means -1; output is the sum of the
// products (what counting the equal bits gives). The padding is zeros or ones, too.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/binary-convolution-1.html

#include "engine/ops/convolve.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

enum class Mode : std::uint8_t { kXnorPopcount };

}  // namespace
}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::Mode> {
  static constexpr std::array kNames = {std::pair{"xnor-popcount", ops::Mode::kXnorPopcount}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

constexpr std::size_t kRank = 4;

struct Attributes : ConvolutionAttributes {
  Mode mode = Mode::kXnorPopcount;
  double pad_value = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    ConvolutionAttributes::describe(visit);
    visit("mode", mode);
    visit("pad_value", pad_value);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<Window> windows_of(const Attributes& attributes, const Shape& data, const Shape& weights) {
  return convolution_windows(attributes, Shape(data.begin() + 2, data.end()),
                             Shape(weights.begin() + 2, weights.end()));
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& data = inputs[0].type.shape;
  const Shape& weights = inputs[1].type.shape;
  check_rank(data, kRank, kRank, "data");
  check_rank(weights, kRank, kRank, "weights");
  check_static(weights, "weights");
  for (const std::int64_t extent : weights) {
    check_range(extent, 1, kMaxAttribute, "an extent of the weights");
  }
  if (!extents_agree(data[1], weights[1])) {
    fail(ErrorCode::kInvalidModel, "data has {} channels, the weights expect {}", data[1], weights[1]);
  }
  if (attributes.pad_value != 0 && attributes.pad_value != 1) {
    fail(ErrorCode::kUnsupported, "pad_value is {}, expected 0 or 1", attributes.pad_value);
  }
  Shape shape = {data[0], weights[0]};
  for (const Window& window : windows_of(attributes, data, weights)) {
    shape.push_back(window.output);
  }
  return {{inputs[0].type.data_type, shape}};
}

/// Zeros become -1.
Tensor signs_of(const ConstTensorView& bits) {
  std::vector<double> values = to_doubles(bits);
  for (double& value : values) {
    value = value != 0 ? 1 : -1;
  }
  Tensor result(DataType::kF32, bits.shape());
  store(result.mutable_view(), values);
  return result;
}

/// [N,C,y,x] with this sign around it.
Tensor padded(const Tensor& data, const std::vector<Window>& windows, float sign) {
  Shape shape = data.shape();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    shape[2 + i] += windows[i].pad_begin + windows[i].pad_end;
  }
  Tensor result(DataType::kF32, shape);
  const std::span<float> target = result.data<float>();
  std::ranges::fill(target, sign);
  const std::span<const float> source = data.data<float>();
  const auto width = static_cast<std::size_t>(data.shape()[3]);
  for (std::size_t row = 0; width > 0 && row < source.size() / width; ++row) {
    const auto height = static_cast<std::size_t>(data.shape()[2]);
    const std::size_t at = row / height * static_cast<std::size_t>(shape[2]) + row % height +
                           static_cast<std::size_t>(windows[0].pad_begin);
    std::ranges::copy(
        source.subspan(row * width, width),
        target.begin() + static_cast<std::ptrdiff_t>(at * static_cast<std::size_t>(shape[3])) + windows[1].pad_begin);
  }
  return result;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  std::vector<Window> windows = windows_of(attributes, inputs[0].shape(), inputs[1].shape());
  const Tensor data = padded(signs_of(inputs[0]), windows, attributes.pad_value != 0 ? 1.0F : -1.0F);
  for (Window& window : windows) {
    window.input += window.pad_begin + window.pad_end;
    window.pad_begin = 0;
    window.pad_end = 0;
  }
  convolve({.batch = data.shape()[0],
            .groups = 1,
            .inputs = inputs[1].shape()[1],
            .outputs = inputs[1].shape()[0],
            .windows = windows},
           data.view(), signs_of(inputs[1]).view(), outputs[0]);
}

}  // namespace

extern const OpDef binary_convolution;
const OpDef binary_convolution{
    .name = "BinaryConvolution",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/"
        "binary-convolution-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "BinaryConvolution", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
