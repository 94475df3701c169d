// Names, extents and checks of pixel formats, and the YUV to RGB matrices.
#include "vision/frame_view.hpp"

#include <algorithm>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

struct FormatName {
  PixelFormat format;
  std::string_view name;
};

constexpr std::array<FormatName, 9> kNames = {{{PixelFormat::kNV12, "NV12"},
                                               {PixelFormat::kI420, "I420"},
                                               {PixelFormat::kBGR, "BGR"},
                                               {PixelFormat::kRGB, "RGB"},
                                               {PixelFormat::kBGRx, "BGRx"},
                                               {PixelFormat::kRGBx, "RGBx"},
                                               {PixelFormat::kBGRA, "BGRA"},
                                               {PixelFormat::kRGBA, "RGBA"},
                                               {PixelFormat::kGray8, "GRAY8"}}};

int bytes_per_pixel(PixelFormat format) {
  switch (format) {
    case PixelFormat::kBGR:
    case PixelFormat::kRGB:
      return 3;
    case PixelFormat::kBGRx:
    case PixelFormat::kRGBx:
    case PixelFormat::kBGRA:
    case PixelFormat::kRGBA:
      return 4;
    case PixelFormat::kNV12:
    case PixelFormat::kI420:
    case PixelFormat::kGray8:
      return 1;
  }
  fail(ErrorCode::kInvalidArgument, "pixel format {} is not one of ours", static_cast<int>(format));
}

}  // namespace

std::string_view to_string(PixelFormat format) {
  for (const FormatName& entry : kNames) {
    if (entry.format == format) {
      return entry.name;
    }
  }
  return "unknown";
}

std::optional<PixelFormat> parse_pixel_format(std::string_view name) {
  for (const FormatName& entry : kNames) {
    if (entry.name == name) {
      return entry.format;
    }
  }
  return std::nullopt;
}

MutableFrameView::operator FrameView() const {
  FrameView view{.format = format, .width_px = width_px, .height_px = height_px, .matrix = matrix, .range = range};
  for (std::size_t i = 0; i < planes.size(); ++i) {
    view.planes[i] = {planes[i].data, planes[i].stride_bytes};
  }
  return view;
}

int plane_count(PixelFormat format) {
  if (format == PixelFormat::kI420) {
    return 3;
  }
  return format == PixelFormat::kNV12 ? 2 : 1;
}

bool is_yuv(PixelFormat format) { return format == PixelFormat::kNV12 || format == PixelFormat::kI420; }

PlaneExtent plane_extent(PixelFormat format, int plane, int width_px, int height_px) {
  if (plane > 0) {
    return {(width_px + 1) / 2, (height_px + 1) / 2, format == PixelFormat::kNV12 ? 2 : 1};
  }
  return {width_px, height_px, bytes_per_pixel(format)};
}

void check_frame(const FrameView& frame) {
  if (frame.width_px < 1 || frame.height_px < 1 || frame.width_px > kMaxFrameSidePx ||
      frame.height_px > kMaxFrameSidePx) {
    fail(ErrorCode::kInvalidArgument, "frame is {}x{}, expected 1 to {} on each side", frame.width_px, frame.height_px,
         kMaxFrameSidePx);
  }
  for (int i = 0; i < plane_count(frame.format); ++i) {
    const Plane& plane = frame.planes[static_cast<std::size_t>(i)];
    const PlaneExtent extent = plane_extent(frame.format, i, frame.width_px, frame.height_px);
    if (plane.data == nullptr) {
      fail(ErrorCode::kInvalidArgument, "{} frame has no plane {}", to_string(frame.format), i);
    }
    if (plane.stride_bytes < static_cast<std::ptrdiff_t>(extent.width) * extent.sample_bytes) {
      fail(ErrorCode::kInvalidArgument, "{} frame of width {}: stride of plane {} is {} bytes, expected at least {}",
           to_string(frame.format), frame.width_px, i, plane.stride_bytes, extent.width * extent.sample_bytes);
    }
  }
}

YuvToRgb yuv_to_rgb(ColorMatrix matrix, ColorRange range) {
  double kr = 0.299;  // BT.601
  double kb = 0.114;
  if (matrix == ColorMatrix::kBt709) {
    kr = 0.2126;
    kb = 0.0722;
  } else if (matrix == ColorMatrix::kBt2020) {
    kr = 0.2627;
    kb = 0.0593;
  }
  const double kg = 1 - kr - kb;
  const bool limited = range == ColorRange::kLimited;
  const double luma = limited ? 255.0 / 219 : 1;    // Y spans 16…235.
  const double chroma = limited ? 255.0 / 224 : 1;  // Chroma spans 16…240.
  YuvToRgb result;
  result.offset = {limited ? 16.0 : 0.0, 128, 128};
  result.matrix[0] = {luma, 0, 2 * (1 - kr) * chroma};
  result.matrix[1] = {luma, -2 * (1 - kb) * kb / kg * chroma, -2 * (1 - kr) * kr / kg * chroma};
  result.matrix[2] = {luma, 2 * (1 - kb) * chroma, 0};
  return result;
}

}  // namespace fovea
