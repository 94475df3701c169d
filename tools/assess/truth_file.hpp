// TruthFile: what is in the frames of a recording, from MOTChallenge's gt.txt or COCO's JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

#include "vision/analysis.hpp"

namespace fovea::assess {

/// The whole file in memory, boxes in pixels.
class TruthFile {
 public:
  /// Files, and the number of boxes in them, above these are refused.
  static constexpr std::uintmax_t kMaxBytes = std::uintmax_t{256} << 20U;
  static constexpr std::uint64_t kMaxFrames = 10'000'000;

  /// By the name's ending:
  /// `.txt`: MOTChallenge, one box a line, `frame,id,left,top,width,height,flag[,class[,visibility…]]`, frames, pixels
  /// and ids from 1. https://motchallenge.net/instructions/, classes of MOT16 to MOT20.
  /// `.json`: COCO, boxes from `annotations`, frames in the order of `images`, or by their `frame_id` (from 0);
  /// `track_id` or `instance_id` where present. https://cocodataset.org/#format-data \throws Error{kNotFound},
  /// Error{kInvalidArgument} "file:line: …" or "file: place: …", Error{kUnsupported} for other
  ///         endings.
  static TruthFile read(const std::filesystem::path& path);

  /// What is in frame `number` (from 0) of the given size, as a synthetic source tells it: boxes clipped to the frame,
  /// attributes "visible", "in_frame" and, for what the file sets aside, "ignore".
  [[nodiscard]] FrameAnalysis frame(std::uint64_t number, int width_px, int height_px) const;

  /// One more than the last frame it speaks of.
  [[nodiscard]] std::uint64_t frames() const { return boxes_.empty() ? 0 : boxes_.rbegin()->first + 1; }

  /// One labelled box, pixels from the frame's top left corner.
  struct Entry {
    double left = 0;
    double top = 0;
    double width = 0;
    double height = 0;
    std::string label;
    std::optional<std::uint64_t> id;
    double visible = 1;
    bool ignore = false;
  };

 private:
  std::map<std::uint64_t, std::vector<Entry>> boxes_;  ///< By frame, from 0.
};

}  // namespace fovea::assess
