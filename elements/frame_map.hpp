// A buffer's pixels as the vision layer sees them.
#pragma once

#include <gst/video/video.h>

#include <optional>

#include "vision/frame_view.hpp"

namespace fovea {

/// The pixel format behind GStreamer's, if we read it.
std::optional<PixelFormat> pixel_format(GstVideoFormat format);

/// The planes of a mapped frame with the colour matrix and range its caps state. Valid while the frame is mapped.
/// \throws Error{kUnsupported} for a format outside our caps.
FrameView view_of(const GstVideoFrame& frame);

/// The same planes for drawing; the frame must be mapped for writing.
MutableFrameView mutable_view_of(const GstVideoFrame& frame);

/// Caps of all our video elements, cheapest formats first.
#define FOVEA_VIDEO_CAPS                                                                     \
  "video/x-raw, format = (string) { NV12, I420, BGR, RGB, BGRx, RGBx, BGRA, RGBA, GRAY8 }, " \
  "width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], framerate = (fraction) [ 0, max ]"

}  // namespace fovea
