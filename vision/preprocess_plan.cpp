// Geometry and colour arithmetic of preprocessing, and the checks of its arguments.
#include "vision/preprocess_plan.hpp"

#include <algorithm>
#include <cmath>

namespace fovea::preprocess {
namespace {

/// Keeps every table and offset in 32 bits; far above any network's input.
constexpr int kMaxInputSidePx = 16384;

/// Luma of RGB in the order R, G, B: BT.601, as OpenCV's cvtColor.
constexpr std::array<double, 3> kGrayWeights = {0.299, 0.587, 0.114};

/// Position of R, G and B among the bytes of a packed pixel.
std::array<std::size_t, 3> rgb_positions(PixelFormat format) {
  const bool rgb = format == PixelFormat::kRGB || format == PixelFormat::kRGBx || format == PixelFormat::kRGBA;
  return rgb ? std::array<std::size_t, 3>{0, 1, 2} : std::array<std::size_t, 3>{2, 1, 0};
}

struct Size {
  double width;
  double height;
};

/// Sets the picture's rectangle for the letterbox modes.
void fit_inside(const PreProcessSpec& spec, const Size& source, Placement& result) {
  const double scale = std::min(spec.width_px / source.width, spec.height_px / source.height);
  result.dst_width_px = std::clamp(static_cast<int>(std::lround(source.width * scale)), 1, spec.width_px);
  result.dst_height_px = std::clamp(static_cast<int>(std::lround(source.height * scale)), 1, spec.height_px);
  if (spec.resize == ResizeMode::kLetterbox) {
    result.dst_x_px = (spec.width_px - result.dst_width_px) / 2;
    result.dst_y_px = (spec.height_px - result.dst_height_px) / 2;
  }
}

}  // namespace

Placement place(const PreProcessSpec& spec, int frame_width_px, int frame_height_px, const Box& region) {
  const Box inside = clip(region);
  Size source{static_cast<double>(inside.width) * frame_width_px, static_cast<double>(inside.height) * frame_height_px};
  if (!(source.width > 0) || !(source.height > 0) || !std::isfinite(region.x) || !std::isfinite(region.y)) {
    fail(ErrorCode::kInvalidArgument, "region x={} y={} width={} height={} has no part inside the frame", region.x,
         region.y, region.width, region.height);
  }
  Placement result;
  result.src_x = static_cast<double>(inside.x) * frame_width_px;
  result.src_y = static_cast<double>(inside.y) * frame_height_px;
  result.dst_width_px = spec.width_px;
  result.dst_height_px = spec.height_px;
  if (spec.resize == ResizeMode::kLetterbox || spec.resize == ResizeMode::kLetterboxTopLeft) {
    fit_inside(spec, source, result);
  } else if (spec.resize == ResizeMode::kCentralCrop) {
    const double scale = std::max(spec.width_px / source.width, spec.height_px / source.height);
    const Size visible{spec.width_px / scale, spec.height_px / scale};
    result.src_x += (source.width - visible.width) / 2;
    result.src_y += (source.height - visible.height) / 2;
    source = visible;
  }
  result.step_x = source.width / result.dst_width_px;
  result.step_y = source.height / result.dst_height_px;
  result.mapping = {.offset_x = static_cast<float>((result.src_x - result.dst_x_px * result.step_x) / frame_width_px),
                    .offset_y = static_cast<float>((result.src_y - result.dst_y_px * result.step_y) / frame_height_px),
                    .scale_x = static_cast<float>(result.step_x * spec.width_px / frame_width_px),
                    .scale_y = static_cast<float>(result.step_y * spec.height_px / frame_height_px)};
  return result;
}

Taps taps(double start, double step, int index, int subsampling, int length) {
  const double position = (start + (index + 0.5) * step) / subsampling - 0.5;
  const double clamped = std::clamp(position, 0.0, static_cast<double>(length - 1));
  const int first = static_cast<int>(clamped);
  return {first, std::min(first + 1, length - 1), clamped - first};
}

ColourPlan colour_plan(const PreProcessSpec& spec, const FrameView& frame) {
  ColourPlan plan;
  const bool gray = spec.channels == ChannelOrder::kGray;
  plan.channels = channel_count(spec.channels);
  for (std::size_t c = 0; c < 3; ++c) {
    plan.gain[c] = 1.0 / spec.scale[c];
    plan.bias[c] = -spec.mean[c] * plan.gain[c];
  }
  if (frame.format == PixelFormat::kGray8) {
    plan.matrix = {{{1, 0, 0}, {1, 0, 0}, {1, 0, 0}}};
    return plan;
  }
  const auto output_row = [&](std::size_t rgb) { return spec.channels == ChannelOrder::kRgb ? rgb : 2 - rgb; };
  if (is_yuv(frame.format)) {
    const YuvToRgb yuv = yuv_to_rgb(frame.matrix, frame.range);
    if (gray) {
      plan.matrix[0][0] = yuv.matrix[0][0];
      plan.offset[0] = -yuv.matrix[0][0] * yuv.offset[0];
      return plan;
    }
    plan.planes = 3;
    for (std::size_t rgb = 0; rgb < 3; ++rgb) {
      const std::size_t row = output_row(rgb);
      plan.matrix[row] = yuv.matrix[rgb];
      for (std::size_t p = 0; p < 3; ++p) {
        plan.offset[row] -= yuv.matrix[rgb][p] * yuv.offset[p];
      }
    }
    return plan;
  }
  plan.planes = 3;
  const std::array<std::size_t, 3> positions = rgb_positions(frame.format);
  for (std::size_t rgb = 0; rgb < 3; ++rgb) {
    if (gray) {
      plan.matrix[0][positions[rgb]] = kGrayWeights[rgb];
    } else {
      plan.matrix[output_row(rgb)][positions[rgb]] = 1;
    }
  }
  return plan;
}

void check_spec(const PreProcessSpec& spec) {
  if (spec.width_px < 1 || spec.height_px < 1 || spec.width_px > kMaxInputSidePx || spec.height_px > kMaxInputSidePx) {
    fail(ErrorCode::kInvalidArgument, "network input is {}x{}, expected 1 to {} on each side", spec.width_px,
         spec.height_px, kMaxInputSidePx);
  }
  if (spec.data_type != DataType::kF32 && spec.data_type != DataType::kU8) {
    fail(ErrorCode::kInvalidArgument, "network input is {}, expected f32 or u8", to_string(spec.data_type));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    if (!std::isfinite(spec.mean[c]) || !std::isfinite(1 / spec.scale[c]) || !std::isfinite(spec.scale[c])) {
      fail(ErrorCode::kInvalidArgument, "mean {} and scale {} of channel {}: expected finite, scale not 0",
           spec.mean[c], spec.scale[c], c);
    }
  }
  if (!(spec.pad_value >= 0 && spec.pad_value <= 255)) {
    fail(ErrorCode::kInvalidArgument, "pad value is {}, expected 0 to 255", spec.pad_value);
  }
}

void check_output(const PreProcessSpec& spec, const TensorView& output) {
  const int channels = channel_count(spec.channels);
  const std::array<std::int64_t, 4> nchw = {1, channels, spec.height_px, spec.width_px};
  const std::array<std::int64_t, 4> nhwc = {1, spec.height_px, spec.width_px, channels};
  const auto& expected = spec.layout == TensorLayout::kNchw ? nchw : nhwc;  // No Shape: it would allocate.
  if (output.type.data_type != spec.data_type || !std::ranges::equal(output.shape(), expected) ||
      output.bytes == nullptr) {
    fail(ErrorCode::kInvalidArgument, "network input tensor is {}, expected {}", to_string(output.type),
         to_string(TensorType{spec.data_type, Shape(expected.begin(), expected.end())}));
  }
}

}  // namespace fovea::preprocess
