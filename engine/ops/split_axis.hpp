// Copying consecutive parts of one axis to several tensors: the kernel of Split and VariadicSplit.
#pragma once

#include <cstring>
#include <span>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {

/// The outputs' extents along `axis` add up to the input's.
inline void split_axis(const ConstTensorView& input, std::size_t axis, std::span<const TensorView> outputs) {
  const AxisView whole = view_axis(input.shape(), axis);
  const std::size_t unit = whole.inner * size_of(input.type.data_type);
  const std::byte* source = input.bytes;
  for (std::size_t outer = 0; outer < whole.outer; ++outer) {
    for (const TensorView& output : outputs) {
      const std::size_t bytes = static_cast<std::size_t>(output.shape()[axis]) * unit;
      std::memcpy(output.bytes + outer * bytes, source, bytes);
      source += bytes;
    }
  }
}

}  // namespace fovea::ops
