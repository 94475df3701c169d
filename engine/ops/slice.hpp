// Ranges of StridedSlice and Slice along one axis.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/graph/tensor.hpp"

namespace fovea::ops {

/// Elements start, start+step, … (count of them) of an axis.
struct AxisRange {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;  ///< kDynamic when the axis is.
};

/// numpy's start:end:step on an axis of this extent; bounds may be negative or out of range.
/// \param open_start, open_end  Ignore the bound and use the end of the axis the step comes from or goes to.
/// \throws Error{kInvalidModel} for step 0.
inline AxisRange axis_range(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step,
                            bool open_start = false, bool open_end = false) {
  if (step == 0) {
    fail(ErrorCode::kInvalidModel, "a slice step is 0, expected another number");
  }
  if (extent == kDynamic) {
    return {.start = 0, .step = step, .count = kDynamic};
  }
  constexpr auto kLimit = static_cast<std::int64_t>(kMaxTensorBytes);  // steps beyond any extent act alike
  step = std::clamp(step, -kLimit, kLimit);
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? extent : extent - 1;
  const auto place = [&](std::int64_t bound) { return std::clamp(bound < 0 ? bound + extent : bound, low, high); };
  const std::int64_t first = open_start ? (step > 0 ? low : high) : place(start);
  const std::int64_t last = open_end ? (step > 0 ? high : low) : place(end);
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const std::int64_t stride = step > 0 ? step : -step;
  return {.start = first, .step = step, .count = distance <= 0 ? 0 : (distance + stride - 1) / stride};
}

}  // namespace fovea::ops
