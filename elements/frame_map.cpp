#include "elements/frame_map.hpp"

#include "engine/base/error.hpp"

namespace fovea {
namespace {

ColorMatrix matrix_of(const GstVideoInfo& info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
      return ColorMatrix::kBt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return ColorMatrix::kBt2020;
    default:
      return ColorMatrix::kBt601;
  }
}

}  // namespace

std::optional<PixelFormat> pixel_format(GstVideoFormat format) {
  return parse_pixel_format(gst_video_format_to_string(format));
}

MutableFrameView mutable_view_of(const GstVideoFrame& frame) {
  const auto format = pixel_format(GST_VIDEO_FRAME_FORMAT(&frame));
  if (!format) {
    fail(ErrorCode::kUnsupported, "video format {}", gst_video_format_to_string(GST_VIDEO_FRAME_FORMAT(&frame)));
  }
  MutableFrameView view;
  view.format = *format;
  view.width_px = GST_VIDEO_FRAME_WIDTH(&frame);
  view.height_px = GST_VIDEO_FRAME_HEIGHT(&frame);
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
    view.planes.at(plane) = {static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)),
                             GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane)};
  }
  view.matrix = matrix_of(frame.info);
  view.range = frame.info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? ColorRange::kFull : ColorRange::kLimited;
  return view;
}

FrameView view_of(const GstVideoFrame& frame) { return mutable_view_of(frame); }

}  // namespace fovea
