// What is really in a frame, carried beside what detectors say about it: FoveaTruthMeta.
#pragma once

#include <gst/gst.h>

#include "vision/analysis.hpp"

namespace fovea {

/// Attaches the truth to a writable buffer, replacing an earlier one. Our detectors, trackers and publishers read
/// FoveaAnalysisMeta only and never see it; it is copied along with the buffer and survives scaling, as theirs does.
void add_truth(GstBuffer* buffer, FrameAnalysis truth);

/// The truth attached to a buffer, or nullptr. Valid as long as the buffer is.
const FrameAnalysis* find_truth(GstBuffer* buffer);

}  // namespace fovea
