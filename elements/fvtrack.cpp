/**
 * SECTION:element-fvtrack
 * @title: fvtrack
 *
 * Gives objects ids that stay with them from frame to frame; between detections it predicts where they are.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml inference-interval=3 ! fvtrack tracking-type=short-term ! …
 * ]|
 */
#include <array>

#include "elements/analysis_meta.hpp"
#include "elements/registration.hpp"
#include "elements/small_element.hpp"
#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "vision/tracker.hpp"

namespace fovea::elements {
namespace {

using Kind = PropertyRow::Kind;

constexpr TrackerSettings kDefaults;

constexpr std::array kProperties = {
    PropertyRow{
        .name = "tracking-type",
        .kind = Kind::kString,
        .blurb = "short-term: also predict objects in frames without inference; zero-term: associate detections only. "
                 "DL Streamer's short-term-imageless and zero-term-imageless mean the same",
        .text_default = "short-term"},
    PropertyRow{.name = "max-lost",
                .kind = Kind::kUint,
                .blurb = "Milliseconds of stream time after which an undetected track ends",
                .most = 600000,
                .number_default = static_cast<double>(kDefaults.max_lost / std::chrono::milliseconds(1))},
    PropertyRow{.name = "min-hits",
                .kind = Kind::kUint,
                .blurb = "Detections before a track is shown",
                .least = 1,
                .most = 100,
                .number_default = kDefaults.min_hits},
    PropertyRow{.name = "max-tracks",
                .kind = Kind::kUint,
                .blurb = "Objects tracked at the same time; further ones stay without id",
                .least = 1,
                .most = 10000,
                .number_default = kDefaults.max_tracks},
    PropertyRow{.name = "high-confidence",
                .kind = Kind::kDouble,
                .blurb = "Less confident detections continue a track but start none",
                .least = 0,
                .most = 1,
                .number_default = kDefaults.high_confidence},
    PropertyRow{.name = "tracking-per-class",
                .kind = Kind::kBool,
                .blurb = "A change of label ends a track. Otherwise a track keeps the label it was given most",
                .number_default = kDefaults.per_class ? 1.0 : 0.0},
};

TrackingType parse_type(const std::string& text) {
  static constexpr std::array<std::string_view, 4> kNames = {"short-term", "zero-term", "short-term-imageless",
                                                             "zero-term-imageless"};
  if (text == kNames[0] || text == kNames[2]) {
    return TrackingType::kShortTerm;
  }
  if (text == kNames[1] || text == kNames[3]) {
    return TrackingType::kZeroTerm;
  }
  fail(ErrorCode::kInvalidArgument, "tracking-type is '{}', expected short-term or zero-term{}", text,
       did_you_mean(text, kNames));
}

class TrackWork final : public ElementWork {
 public:
  explicit TrackWork(const TrackerSettings& settings) : tracker_(settings) {}

  void process(GstBuffer* buffer) override {
    FrameAnalysis analysis = read_analysis(buffer, info_);
    if (GST_BUFFER_PTS_IS_VALID(buffer)) {
      last_pts_ = std::chrono::nanoseconds(GST_BUFFER_PTS(buffer));
    }
    tracker_.update(analysis.objects, last_pts_, analysis.inferred);
    write_analysis(buffer, std::move(analysis));
  }

  void set_caps(const GstVideoInfo* info) override { info_ = *info; }
  void flush() override { tracker_.reset(); }

 private:
  Tracker tracker_;
  GstVideoInfo info_{};
  std::chrono::nanoseconds last_pts_{0};  ///< Of the last frame that had one.
};

std::unique_ptr<ElementWork> make(GstElement* /*element*/, const PropertyValues& values) {
  TrackerSettings settings;
  settings.type = parse_type(values.text("tracking-type"));
  settings.max_lost = std::chrono::milliseconds(static_cast<std::int64_t>(values.number("max-lost")));
  settings.min_hits = static_cast<int>(values.number("min-hits"));
  settings.max_tracks = static_cast<int>(values.number("max-tracks"));
  settings.high_confidence = static_cast<float>(values.number("high-confidence"));
  settings.per_class = values.flag("tracking-per-class");
  return std::make_unique<TrackWork>(settings);
}

constexpr SmallElementInfo kInfo{
    .type_name = "FvTrack",
    .long_name = "Object tracker",
    .klass = "Filter/Analyzer/Video",
    .description = "Gives objects ids that stay with them, and predicts them between detections",
    .properties = kProperties,
    .make = make};

}  // namespace

GType fvtrack_get_type() {
  static const GType type = register_small_element(&kInfo);
  return type;
}

}  // namespace fovea::elements
