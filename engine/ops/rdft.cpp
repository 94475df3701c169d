// RDFT: discrete Fourier transform of real numbers; of the last of the given axes the first half is kept, the rest
// being its mirror image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/rdft-9.html

#include "engine/ops/fourier.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Shape shape = inputs[0].type.shape;
  check_rank(shape, 1, 15, "data");
  if (!is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "data is {}, expected floats", to_string(inputs[0].type));
  }
  const FourierAxes axes = fourier_axes(node, inputs, shape.size());
  for (std::size_t i = 0; i < axes.axes.size(); ++i) {
    std::int64_t& extent = shape[axes.axes[i]];
    extent = axes.sizes[i] == -1 ? extent : axes.sizes[i];
  }
  std::int64_t& last = shape[axes.axes.back()];
  if (last == 0) {
    fail(ErrorCode::kInvalidModel, "data {} has nothing to transform", to_string(inputs[0].type.shape));
  }
  last = last == kDynamic ? kDynamic : last / 2 + 1;
  shape.push_back(2);
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const FourierAxes axes = fourier_axes(inputs, inputs[0].shape().size());
  const std::vector<double> values = to_doubles(inputs[0]);
  ComplexTensor data{.shape = inputs[0].shape(), .values = {values.begin(), values.end()}};
  for (std::size_t i = 0; i < axes.axes.size(); ++i) {
    const std::size_t axis = axes.axes[i];
    const std::int64_t size = axes.sizes[i] == -1 ? data.shape[axis] : axes.sizes[i];
    data = transform(std::move(data), axis, size, false);
  }
  // The first half of the last axis.
  const std::size_t axis = axes.axes.back();
  const AxisView view = view_axis(data.shape, axis);
  const auto kept = static_cast<std::size_t>(outputs[0].shape()[axis]);
  ComplexTensor half;
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    const auto begin = data.values.begin() + static_cast<std::ptrdiff_t>(outer * view.extent * view.inner);
    half.values.insert(half.values.end(), begin, begin + static_cast<std::ptrdiff_t>(kept * view.inner));
  }
  store_complex(half, outputs[0]);
}

}  // namespace

extern const OpDef rdft;
const OpDef rdft{
    .name = "RDFT",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/"
        "rdft-9.html",
    .inputs = {2, 3},
    .openvino = {.type = "RDFT", .versions = {9}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
