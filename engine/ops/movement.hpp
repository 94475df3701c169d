// Copying elements of any type from one tensor to another: the kernel of operators that only move data.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "engine/graph/tensor.hpp"

namespace fovea::ops {

/// Steps `index` to the next element of `shape` in row-major order; after the last one it is all zeros again.
inline void next_index(std::span<std::int64_t> index, const Shape& shape) {
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (++index[axis] < shape[axis]) {
      return;
    }
    index[axis] = 0;
  }
}

/// Flat index of a multi-index.
inline std::int64_t flat_index(std::span<const std::int64_t> index, const Shape& strides) {
  std::int64_t flat = 0;
  for (std::size_t axis = 0; axis < strides.size(); ++axis) {
    flat += index[axis] * strides[axis];
  }
  return flat;
}

/// output[index] = input[source_of(index)] for every multi-index of the output; a negative source leaves the element.
/// \param source_of  std::int64_t(const Shape& index): a flat index into the input.
template <class SourceOf>
void move_elements(const ConstTensorView& input, const TensorView& output, SourceOf source_of) {
  const std::size_t size = size_of(output.type.data_type);
  const std::size_t count = element_count(output.shape());
  Shape index(output.shape().size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t source = source_of(index);
    if (source >= 0) {
      std::memcpy(output.bytes + i * size, input.bytes + static_cast<std::size_t>(source) * size, size);
    }
    next_index(index, output.shape());
  }
}

/// Copies all bytes: for operators that change the shape only.
inline void copy_all(const ConstTensorView& input, const TensorView& output) {
  std::memcpy(output.bytes, input.bytes, byte_size(output.type));
}

}  // namespace fovea::ops
