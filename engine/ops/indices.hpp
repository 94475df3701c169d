// Indices that are data: checked at run time, negative ones count from the end.
#pragma once

#include <cstdint>
#include <span>

#include "engine/graph/tensor.hpp"

namespace fovea::ops {

/// \throws Error{kInvalidArgument} for an index outside [-extent, extent).
inline std::size_t place(std::int64_t index, std::size_t extent) {
  const auto signed_extent = static_cast<std::int64_t>(extent);
  if (index < -signed_extent || index >= signed_extent) {
    fail(ErrorCode::kInvalidArgument, "index {} is outside an axis of {}", index, extent);
  }
  return static_cast<std::size_t>(index < 0 ? index + signed_extent : index);
}

/// Number of the slice at these coordinates along the axes from `first_axis` on.
inline std::size_t slice_number(std::span<const std::int64_t> coordinates, const Shape& shape, std::size_t first_axis) {
  std::size_t number = 0;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const auto extent = static_cast<std::size_t>(shape[first_axis + i]);
    number = number * extent + place(coordinates[i], extent);
  }
  return number;
}

}  // namespace fovea::ops
