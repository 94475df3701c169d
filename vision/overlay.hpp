// Drawing what is known about a frame onto its pixels, in the formats video comes in (no conversion). Part of
// libfovea_drawing.
#pragma once

#include "vision/analysis.hpp"
#include "vision/frame_view.hpp"

namespace fovea {

struct OverlaySettings {
  bool boxes = true;
  bool labels = true;      ///< Label, track id and confidence above the box.
  bool attributes = true;  ///< One line each under the label; the frame's own in its top left corner.
  bool keypoints = true;
  bool masks = true;
  float mask_opacity = 0.4F;  ///< In [0,1].
  int line_px = 0;            ///< 0: two pixels at 720 lines, in proportion otherwise.
  bool operator==(const OverlaySettings&) const = default;
};

/// Draws in place. Colours follow the track id, else the label. On NV12 and I420 lines go into luma and chroma; text is
/// drawn in luma only. Text that is not ASCII shows as '?', long texts and lists are cut. Boxes and points that are not
/// finite are left out. Predicted boxes are one pixel thin.
/// \throws Error{kInvalidArgument} when the frame is malformed.
void draw(const FrameAnalysis& analysis, const MutableFrameView& frame, const OverlaySettings& settings = {});

}  // namespace fovea
