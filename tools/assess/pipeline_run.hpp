// One run of a pipeline's stages between a source whose truth is known and a judge.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/pipeline_config.hpp"
#include "tools/assess/judge.hpp"
#include "tools/assess/truth_file.hpp"
#include "vision/image_file.hpp"
#include "vision/street/street.hpp"

namespace fovea::assess {

struct RunSettings {
  StreetSettings street;             ///< The source, unless there is a video.
  std::filesystem::path video;       ///< A recording instead of the street …
  const TruthFile* truth = nullptr;  ///< … and what is in it.
  std::uint64_t frames = 0;          ///< 0: until the video ends; the street needs a number.
  bool live = false;                 ///< Keep to the clock and drop what comes too late, as with a camera.
  std::string device;                ///< Of all inference elements; empty: as the pipeline says.
  std::optional<double> threshold;   ///< Of all detectors, in [0,1]; nothing: as the pipeline says.
};

/// The worst frames so far, drawn. At most one of any second of a sequence, so that they differ.
class WorstFrames {
 public:
  static constexpr std::size_t kCount = 4;

  /// Whether a frame so bad would be kept; asked before it is drawn.
  [[nodiscard]] bool wants(std::uint64_t sequence, double seconds, std::size_t badness) const;
  void keep(std::uint64_t sequence, double seconds, std::size_t badness, Image drawn);

  /// Worst first. Empty when nothing was wrong anywhere.
  [[nodiscard]] std::vector<Image> pictures() const;

 private:
  struct Entry {
    std::uint64_t sequence;
    double seconds;
    std::size_t badness;
    Image drawn;
  };
  [[nodiscard]] std::vector<Entry>::const_iterator neighbour(std::uint64_t sequence, double seconds) const;

  std::vector<Entry> entries_;  ///< Worst first; of equals the earlier.
};

/// Initialises GStreamer. \thread main, before anything else here.
/// \throws Error{kNotFound} when our elements are not where GStreamer looks.
void initialise();

/// The labels the pipeline's detectors can say, from the descriptions of its models; nothing when one of them is
/// unknown or a raw `gst` stage may detect, too.
std::optional<std::set<std::string>> known_labels(const PipelineConfig& pipeline);

/// Runs the pipeline's stages on one sequence: publishers and sinks in it are replaced, nothing is published. Every
/// frame that arrives at the end is judged, on the streaming thread, in order; returns when the source has ended.
///
/// \param sequence  A number for pictures: the seed.
/// \param worst     May be nullptr.
/// \param progress  Called about twice a second on the calling thread with the frames judged so far. May be empty.
/// \throws Error for what the pipeline complains of, for a frame that arrives without its truth, and when no frame
/// moves
///         for two minutes.
void run_sequence(const PipelineConfig& pipeline, const RunSettings& settings, std::uint64_t sequence, Judge& judge,
                  WorstFrames* worst, const std::function<void(std::uint64_t)>& progress);

}  // namespace fovea::assess
