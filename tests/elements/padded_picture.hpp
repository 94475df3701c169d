// Pictures as some decoders give them: rows and planes with padding, described by a GstVideoMeta.
#pragma once

#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/elements/harness.hpp"

namespace fovea::testing {

/// What is in the padding.
inline constexpr guint8 kPadding = 0x55;

inline GstVideoInfo picture_info(const std::string& format, int width, int height) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, gst_video_format_from_string(format.c_str()), static_cast<guint>(width),
                            static_cast<guint>(height));
  return info;
}

/// Fills with grey in the format's own terms: luma in limited range and neutral chroma, or equal channels.
inline void fill_grey(const GstVideoInfo& info, GstBuffer* buffer, int level) {
  GstVideoFrame frame;
  ASSERT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
  const int luma = 16 + static_cast<int>(std::lround(level * 219 / 255.0));
  for (guint component = 0; component < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++component) {
    auto* data = static_cast<guint8*>(GST_VIDEO_FRAME_COMP_DATA(&frame, component));
    const int in_yuv = component == 0 ? luma : 128;
    const int value = GST_VIDEO_INFO_IS_YUV(&info) ? in_yuv : level;
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, component); ++y) {
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, component); ++x) {
        data[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) + x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component)] =
            static_cast<guint8>(value);
      }
    }
  }
  gst_video_frame_unmap(&frame);
}

/// A grey picture amid padding.
inline BufferPtr padded_picture(const std::string& format, int width, int height, int level) {
  const GstVideoInfo info = picture_info(format, width, height);
  GstVideoAlignment padding;
  gst_video_alignment_reset(&padding);
  padding.padding_right = 10;
  padding.padding_bottom = 6;
  padding.padding_left = 4;
  padding.padding_top = 2;
  GstVideoInfo padded = info;
  EXPECT_TRUE(gst_video_info_align(&padded, &padding));
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, padded.size, nullptr);
  gst_buffer_memset(buffer, 0, kPadding, padded.size);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info),
                                 static_cast<guint>(width), static_cast<guint>(height), GST_VIDEO_INFO_N_PLANES(&info),
                                 padded.offset, padded.stride);
  fill_grey(info, buffer, level);
  GST_BUFFER_PTS(buffer) = 0;
  return BufferPtr(buffer);
}

/// One entry a byte of a padded picture: whether it belongs to a visible sample.
inline std::vector<bool> visible_bytes(const GstVideoInfo& info, GstBuffer* buffer) {
  std::vector<bool> visible(gst_buffer_get_size(buffer));
  const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
  for (guint component = 0; component < GST_VIDEO_INFO_N_COMPONENTS(&info); ++component) {
    const auto plane = static_cast<guint>(GST_VIDEO_INFO_COMP_PLANE(&info, component));
    const int row = GST_VIDEO_INFO_COMP_WIDTH(&info, component) * GST_VIDEO_INFO_COMP_PSTRIDE(&info, component);
    for (int y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(&info, component); ++y) {
      const gsize begin = meta->offset[plane] + static_cast<gsize>(y * meta->stride[plane]);
      for (gsize at = begin; at < begin + static_cast<gsize>(row); ++at) {
        visible[at] = true;
      }
    }
  }
  return visible;
}

/// All bytes of a buffer.
inline std::vector<guint8> bytes_of(GstBuffer* buffer) {
  std::vector<guint8> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace fovea::testing
