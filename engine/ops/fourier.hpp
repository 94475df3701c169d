// Discrete Fourier transforms along axes: what DFT, IDFT, RDFT and IRDFT share.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

/// Complex numbers, row-major.
struct ComplexTensor {
  Shape shape;
  std::vector<std::complex<double>> values;
};

/// One axis after another: extent cut off or filled with zeros to `size`, then transformed. O(extent * size) each.
/// \param inverse  Conjugate factors, and divided by the size.
ComplexTensor transform(ComplexTensor data, std::size_t axis, std::int64_t size, bool inverse);

/// Axes (input 1) of data of this rank, counted from the front, and sizes along them (input 2; -1 or absent: the
/// extent). \throws Error{kInvalidModel}, NotKnownYet.
struct FourierAxes {
  std::vector<std::size_t> axes;
  std::vector<std::int64_t> sizes;  ///< -1: the extent, whatever that means for the operator.
};
FourierAxes fourier_axes(const Node& node, std::span<const InputInfo> inputs, std::size_t rank);
FourierAxes fourier_axes(std::span<const ConstTensorView> inputs, std::size_t rank);

/// Pairs along the last axis (real, imaginary) as complex numbers, and back.
ComplexTensor read_complex(const ConstTensorView& data);
void store_complex(const ComplexTensor& data, const TensorView& output);

/// DFT and IDFT.
std::vector<TensorType> infer_complex_transform(const Node& node, std::span<const InputInfo> inputs);
void complex_transform(std::span<const ConstTensorView> inputs, const TensorView& output, bool inverse);

}  // namespace fovea::ops
