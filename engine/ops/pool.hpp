// Walking the windows of poolings over [N,C,…].
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/ops/movement.hpp"
#include "engine/ops/spatial.hpp"

namespace fovea::ops {

/// Output shape of MaxPool and AvgPool.
Shape pool_shape(const PoolAttributes& attributes, const Shape& input);

/// The elements of one window that lie inside the input, per spatial axis.
struct WindowElements {
  /// Along one axis: positions first, first+step, … below last, each worth `stride` elements.
  struct Axis {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t step = 1;
    std::int64_t stride = 1;
  };
  std::array<Axis, 3> axes;
  std::int64_t padded_count = 0;  ///< Elements of the window inside the input with its pads.

  /// Calls visit(std::size_t offset) for each element, row-major; offsets count from the channel's first element.
  template <class Visit>
  void visit(Visit visit_element) const {
    for (std::int64_t d = axes[0].first; d < axes[0].last; d += axes[0].step) {
      for (std::int64_t h = axes[1].first; h < axes[1].last; h += axes[1].step) {
        for (std::int64_t w = axes[2].first; w < axes[2].last; w += axes[2].step) {
          visit_element(static_cast<std::size_t>(d * axes[0].stride + h * axes[1].stride + w));
        }
      }
    }
  }
};

/// The window at a position, in output coordinates.
WindowElements window_at(const std::array<Window, 3>& windows, const Shape& position);

/// Windows of up to three spatial axes, filled up with trivial ones in front.
std::array<Window, 3> three_windows(const PoolAttributes& attributes, const Shape& input);

/// Calls visit(std::size_t plane, const WindowElements&) for each output element in row-major order; `plane` is the
/// flat index of the channel's first element.
template <class Visit>
void for_each_window(const PoolAttributes& attributes, const Shape& input, Visit visit) {
  const std::array<Window, 3> windows = three_windows(attributes, input);
  const Shape extents = {windows[0].output, windows[1].output, windows[2].output};
  const std::size_t positions = element_count(extents);
  const auto plane_size = static_cast<std::size_t>(windows[0].input * windows[1].input * windows[2].input);
  for (std::int64_t plane = 0; plane < input[0] * input[1]; ++plane) {
    Shape position(3, 0);
    for (std::size_t i = 0; i < positions; ++i) {
      visit(static_cast<std::size_t>(plane) * plane_size, window_at(windows, position));
      next_index(position, extents);
    }
  }
}

}  // namespace fovea::ops
