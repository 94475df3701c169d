// Pictures that show truth and results side by side.
#pragma once

#include <string>
#include <vector>

#include "vision/image_file.hpp"
#include "vision/metrics/detection.hpp"
#include "vision/metrics/judged_frame.hpp"

namespace fovea {

/// The picture, at most `max_width_px` wide, under a line of text. Truth is dashed: green when found, yellow when
/// missed, gray when ignored. Results are solid: blue hits, red false alarms, gray dropped ones. Text that is not ASCII
/// shows as
/// '?', long text is cut.
Image draw_comparison(const Image& picture, const JudgedFrame& frame, const FrameMatches& matches,
                      const std::string& caption, int max_width_px = 960);

/// Pictures in rows of two on a dark ground. \throws Error{kInvalidArgument} without pictures.
Image tile(const std::vector<Image>& pictures);

}  // namespace fovea
