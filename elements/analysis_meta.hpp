// FrameAnalysis on a buffer, and the GstVideoRegionOfInterestMeta that others read and write.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "vision/analysis.hpp"

namespace fovea {

/// The analysis attached to a buffer, or nullptr. Valid as long as the buffer is.
const FrameAnalysis* find_analysis(GstBuffer* buffer);

/// What is known about a frame: our meta, else the regions of interest that other elements attached, else empty.
FrameAnalysis read_analysis(GstBuffer* buffer, const GstVideoInfo& info);

/// Replaces the analysis of a writable buffer and writes its objects as regions of interest, as DL Streamer does:
/// one GstVideoRegionOfInterestMeta an object with structures "detection", "object_id" and one an attribute.
void write_analysis(GstBuffer* buffer, FrameAnalysis analysis);

/// A message made by fvmetaconvert, on its way to fvpublish.
struct JsonMessage {
  std::string text;
  std::string schema;  ///< "fovea.frame/1"; empty for DL Streamer's form, which has none.
  std::uint64_t seq = 0;
};
void add_json(GstBuffer* buffer, JsonMessage message);

/// All messages on a buffer, in the order they were added. Valid as long as the buffer is.
std::vector<const JsonMessage*> find_json(GstBuffer* buffer);

}  // namespace fovea
