#include "engine/ops/pool.hpp"

#include <algorithm>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

Shape pool_shape(const PoolAttributes& attributes, const Shape& input) {
  check_rank(input, 3, 5, "data");
  Shape result = {input[0], input[1]};
  for (const Window& window : pool_windows(attributes, Shape(input.begin() + 2, input.end()))) {
    result.push_back(window.output);
  }
  return result;
}

std::array<Window, 3> three_windows(const PoolAttributes& attributes, const Shape& input) {
  const std::vector<Window> windows = pool_windows(attributes, Shape(input.begin() + 2, input.end()));
  std::array<Window, 3> result;
  std::copy(windows.begin(), windows.end(), result.end() - static_cast<std::ptrdiff_t>(windows.size()));
  return result;
}

WindowElements window_at(const std::array<Window, 3>& windows, const Shape& position) {
  WindowElements elements;
  elements.padded_count = 1;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    const std::int64_t start = position[i] * window.stride - window.pad_begin;
    const std::int64_t last_tap = start + (window.kernel - 1) * window.dilation;
    const std::int64_t skipped = start < 0 ? ceil_divide(-start, window.dilation) : 0;
    WindowElements::Axis& axis = elements.axes[i];
    axis.first = start + skipped * window.dilation;
    axis.last = std::min(last_tap + 1, window.input);
    axis.step = window.dilation;
    const std::int64_t padded_last = std::min(last_tap + 1, window.input + window.pad_end);
    elements.padded_count *= padded_last <= start ? 0 : ceil_divide(padded_last - start, window.dilation);
  }
  elements.axes[1].stride = windows[2].input;
  elements.axes[0].stride = windows[1].input * windows[2].input;
  return elements;
}

}  // namespace fovea::ops
