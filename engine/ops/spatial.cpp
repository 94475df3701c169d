#include "engine/ops/spatial.hpp"

#include <algorithm>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Extent of a kernel with its holes.
std::int64_t reach(const Window& window) { return (window.kernel - 1) * window.dilation + 1; }

/// Kernel, strides, dilations and explicit pads, checked; input and output not yet.
std::vector<Window> read_windows(const ConvolutionAttributes& attributes, const Shape& kernel) {
  const std::size_t rank = kernel.size();
  const auto strides = checked_list(attributes.strides, rank, 1, 1, "strides");
  const auto dilations = checked_list(attributes.dilations, rank, 1, 1, "dilations");
  const bool explicit_pads = attributes.auto_pad == AutoPad::kExplicit;
  const std::vector<std::int64_t> none(rank, 0);
  const auto pads_begin = explicit_pads ? checked_list(attributes.pads_begin, rank, 0, 0, "pads_begin") : none;
  const auto pads_end = explicit_pads ? checked_list(attributes.pads_end, rank, 0, 0, "pads_end") : none;
  std::vector<Window> windows(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    check_range(kernel[i], 1, kMaxAttribute, "kernel extent");
    windows[i] = {.kernel = kernel[i],
                  .stride = strides[i],
                  .dilation = dilations[i],
                  .pad_begin = pads_begin[i],
                  .pad_end = pads_end[i]};
  }
  return windows;
}

void split_padding(Window& window, std::int64_t total, bool odd_at_end) {
  const std::int64_t half = total / 2;
  window.pad_begin = odd_at_end ? half : total - half;
  window.pad_end = total - window.pad_begin;
}

void resolve_forward(Window& window, AutoPad auto_pad, Rounding rounding) {
  if (window.input == kDynamic) {
    window.output = kDynamic;
    return;
  }
  if (auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower) {
    window.output = ceil_divide(window.input, window.stride);
    const std::int64_t total = (window.output - 1) * window.stride + reach(window) - window.input;
    split_padding(window, std::max<std::int64_t>(total, 0), auto_pad == AutoPad::kSameUpper);
    return;
  }
  const std::int64_t padded = window.input + window.pad_begin + window.pad_end;
  const std::int64_t free = padded - reach(window);
  if (free < 0) {
    fail(ErrorCode::kInvalidModel, "a kernel of {} with dilation {} does not fit an input of {} with pads {} and {}",
         window.kernel, window.dilation, window.input, window.pad_begin, window.pad_end);
  }
  window.output = (rounding == Rounding::kFloor ? free / window.stride : ceil_divide(free, window.stride)) + 1;
  if (rounding == Rounding::kCeilTorch && (window.output - 1) * window.stride >= window.input + window.pad_begin) {
    --window.output;
  }
}

std::vector<Window> forward_windows(const ConvolutionAttributes& attributes, const Shape& input, const Shape& kernel,
                                    Rounding rounding) {
  std::vector<Window> windows = read_windows(attributes, kernel);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    windows[i].input = input[i];
    resolve_forward(windows[i], attributes.auto_pad, rounding);
  }
  return windows;
}

}  // namespace

std::vector<Window> convolution_windows(const ConvolutionAttributes& attributes, const Shape& input,
                                        const Shape& kernel) {
  return forward_windows(attributes, input, kernel, Rounding::kFloor);
}

std::vector<Window> pool_windows(const PoolAttributes& attributes, const Shape& input) {
  if (attributes.kernel.size() != input.size()) {
    fail(ErrorCode::kInvalidModel, "kernel has {} values, expected {}, one per spatial axis", attributes.kernel.size(),
         input.size());
  }
  return forward_windows(attributes, input, attributes.kernel, attributes.rounding_type);
}

std::vector<Window> deconvolution_windows(const DeconvolutionAttributes& attributes, const Shape& input,
                                          const Shape& kernel, const std::vector<std::int64_t>* output_shape) {
  std::vector<Window> windows = read_windows(attributes, kernel);
  const auto output_padding = checked_list(attributes.output_padding, kernel.size(), 0, 0, "output_padding");
  if (output_shape != nullptr && output_shape->size() != kernel.size()) {
    fail(ErrorCode::kInvalidModel, "output_shape has {} values, expected {}, one per spatial axis",
         output_shape->size(), kernel.size());
  }
  const bool same = attributes.auto_pad == AutoPad::kSameUpper || attributes.auto_pad == AutoPad::kSameLower;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    Window& window = windows[i];
    window.input = input[i];
    if (output_shape != nullptr) {
      window.output = (*output_shape)[i];
      check_range(window.output, 1, kMaxAttribute, "output_shape");
    }
    if (window.input == kDynamic) {
      window.output = output_shape != nullptr ? window.output : kDynamic;
      continue;
    }
    const std::int64_t full = multiply_extents(window.stride, std::max<std::int64_t>(window.input - 1, 0)) +
                              reach(window) + output_padding[i];
    if (output_shape == nullptr) {
      window.output = full - window.pad_begin - window.pad_end;
      if (window.output < 1) {
        fail(ErrorCode::kInvalidModel, "pads {} and {} leave nothing of an output of {}", window.pad_begin,
             window.pad_end, full);
      }
    } else if (same) {
      // The specification's rule: same_upper puts the odd pad at the beginning of the *output*.
      split_padding(window, std::max<std::int64_t>(full - window.output, 0),
                    attributes.auto_pad == AutoPad::kSameLower);
    }
  }
  return windows;
}

}  // namespace fovea::ops
