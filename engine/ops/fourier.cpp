#include "engine/ops/fourier.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

FourierAxes checked_axes(const std::vector<std::int64_t>& axes, std::vector<std::int64_t> sizes, std::size_t rank) {
  FourierAxes result;
  result.axes = normalize_axes(axes, rank);
  if (sizes.empty()) {
    sizes.assign(axes.size(), -1);
  }
  if (sizes.size() != axes.size() || axes.empty()) {
    fail(ErrorCode::kInvalidModel, "there are {} sizes for {} axes", sizes.size(), axes.size());
  }
  for (const std::int64_t size : sizes) {
    check_range(size, -1, 1 << 24, "signal_size");
    if (size == 0) {
      fail(ErrorCode::kInvalidModel, "signal_size is 0, expected -1 or a size");
    }
  }
  result.sizes = std::move(sizes);
  return result;
}

}  // namespace

ComplexTensor transform(ComplexTensor data, std::size_t axis, std::int64_t size, bool inverse) {
  const AxisView view = view_axis(data.shape, axis);
  const auto count = static_cast<std::size_t>(size);
  const std::size_t used = std::min(view.extent, count);
  const double turn = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(size);
  ComplexTensor result;
  result.shape = data.shape;
  result.shape[axis] = size;
  result.values.resize(view.outer * count * view.inner);
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t i = 0; i < used; ++i) {
        // The product is reduced first: large angles would lose digits.
        const std::complex<double> factor = std::polar(1.0, turn * static_cast<double>(i * k % count));
        for (std::size_t inner = 0; inner < view.inner; ++inner) {
          result.values[(outer * count + k) * view.inner + inner] +=
              factor * data.values[(outer * view.extent + i) * view.inner + inner];
        }
      }
    }
  }
  if (inverse) {
    std::ranges::for_each(result.values, [&](std::complex<double>& value) { value /= static_cast<double>(size); });
  }
  return result;
}

FourierAxes fourier_axes(const Node& node, std::span<const InputInfo> inputs, std::size_t rank) {
  return checked_axes(
      constant_ints(inputs[1], "axes"),
      has_input(node, inputs, 2) ? constant_ints(inputs[2], "signal_size") : std::vector<std::int64_t>(), rank);
}

FourierAxes fourier_axes(std::span<const ConstTensorView> inputs, std::size_t rank) {
  return checked_axes(to_ints(inputs[1]), has_input(inputs, 2) ? to_ints(inputs[2]) : std::vector<std::int64_t>(),
                      rank);
}

ComplexTensor read_complex(const ConstTensorView& data) {
  const std::vector<double> values = to_doubles(data);
  ComplexTensor result;
  result.shape = data.shape();
  result.shape.pop_back();
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
    result.values.emplace_back(values[i], values[i + 1]);
  }
  return result;
}

void store_complex(const ComplexTensor& data, const TensorView& output) {
  std::vector<double> values;
  for (const std::complex<double>& value : data.values) {
    values.insert(values.end(), {value.real(), value.imag()});
  }
  store(output, values);
}

std::vector<TensorType> infer_complex_transform(const Node& node, std::span<const InputInfo> inputs) {
  Shape shape = inputs[0].type.shape;
  check_rank(shape, 2, 16, "data");
  if (!is_float(inputs[0].type.data_type) || !extents_agree(shape.back(), 2)) {
    fail(ErrorCode::kInvalidModel, "data is {}, expected pairs of floats along the last axis",
         to_string(inputs[0].type));
  }
  const FourierAxes axes = fourier_axes(node, inputs, shape.size() - 1);
  for (std::size_t i = 0; i < axes.axes.size(); ++i) {
    shape[axes.axes[i]] = axes.sizes[i] == -1 ? shape[axes.axes[i]] : axes.sizes[i];
  }
  return {{inputs[0].type.data_type, shape}};
}

void complex_transform(std::span<const ConstTensorView> inputs, const TensorView& output, bool inverse) {
  const FourierAxes axes = fourier_axes(inputs, inputs[0].shape().size() - 1);
  ComplexTensor data = read_complex(inputs[0]);
  for (const std::size_t axis : axes.axes) {
    data = transform(std::move(data), axis, output.shape()[axis], inverse);
  }
  store_complex(data, output);
}

}  // namespace fovea::ops
