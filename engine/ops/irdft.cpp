// IRDFT: real numbers from the half of their discrete Fourier transform that RDFT keeps.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/irdft-9.html

#include "engine/ops/fourier.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Size along each axis; of the last one the half is given.
std::int64_t real_size(const FourierAxes& axes, std::size_t i, std::int64_t extent) {
  if (axes.sizes[i] != -1 || extent == kDynamic) {
    return axes.sizes[i];  // -1 is kDynamic, too
  }
  return i + 1 == axes.axes.size() ? 2 * (extent - 1) : extent;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Shape shape = inputs[0].type.shape;
  check_rank(shape, 2, 16, "data");
  if (!is_float(inputs[0].type.data_type) || !extents_agree(shape.back(), 2)) {
    fail(ErrorCode::kInvalidModel, "data is {}, expected pairs of floats along the last axis",
         to_string(inputs[0].type));
  }
  shape.pop_back();
  const FourierAxes axes = fourier_axes(node, inputs, shape.size());
  for (std::size_t i = 0; i < axes.axes.size(); ++i) {
    std::int64_t& extent = shape[axes.axes[i]];
    extent = real_size(axes, i, extent);
    if (extent < 1 && extent != kDynamic) {
      fail(ErrorCode::kInvalidModel, "data {} has nothing to transform", to_string(inputs[0].type.shape));
    }
  }
  return {{inputs[0].type.data_type, shape}};
}

/// Cut off or filled with zeros to `count`, and the mirror image behind it: `size` elements in all.
ComplexTensor mirrored(const ComplexTensor& half, std::size_t axis, std::int64_t size) {
  const AxisView view = view_axis(half.shape, axis);
  const auto whole = static_cast<std::size_t>(size);
  ComplexTensor result;
  result.shape = half.shape;
  result.shape[axis] = size;
  result.values.resize(view.outer * whole * view.inner);
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t i = 0; i < whole; ++i) {
      const bool mirror = i > whole / 2;
      const std::size_t source = mirror ? whole - i : i;
      for (std::size_t inner = 0; inner < view.inner && source < view.extent; ++inner) {
        const std::complex<double> value = half.values[(outer * view.extent + source) * view.inner + inner];
        result.values[(outer * whole + i) * view.inner + inner] = mirror ? std::conj(value) : value;
      }
    }
  }
  return result;
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  ComplexTensor data = read_complex(inputs[0]);
  const FourierAxes axes = fourier_axes(inputs, data.shape.size());
  for (std::size_t i = 0; i < axes.axes.size(); ++i) {
    const std::size_t axis = axes.axes[i];
    const std::int64_t size = real_size(axes, i, data.shape[axis]);
    if (i + 1 == axes.axes.size()) {
      data = mirrored(data, axis, size);
    }
    data = transform(std::move(data), axis, size, true);
  }
  std::vector<double> values;
  for (const std::complex<double>& value : data.values) {
    values.push_back(value.real());
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef irdft;
const OpDef irdft{
    .name = "IRDFT",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/"
        "irdft-9.html",
    .inputs = {2, 3},
    .openvino = {.type = "IRDFT", .versions = {9}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
