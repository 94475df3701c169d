/**
 * SECTION:element-fvoverlay
 * @title: fvoverlay
 *
 * Draws objects, labels, ids, attributes, keypoints and masks onto the frame, in the format it has.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml ! fvtrack ! fvoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include <array>

#include "elements/analysis_meta.hpp"
#include "elements/frame_map.hpp"
#include "elements/registration.hpp"
#include "elements/small_element.hpp"
#include "engine/base/error.hpp"
#include "vision/overlay.hpp"

namespace fovea::elements {
namespace {

using Kind = PropertyRow::Kind;

constexpr OverlaySettings kDefaults;

constexpr std::array kProperties = {
    PropertyRow{.name = "boxes", .kind = Kind::kBool, .blurb = "Draw boxes", .number_default = kDefaults.boxes},
    PropertyRow{.name = "labels",
                .kind = Kind::kBool,
                .blurb = "Write label, id and confidence",
                .number_default = kDefaults.labels},
    PropertyRow{
        .name = "attributes", .kind = Kind::kBool, .blurb = "Write attributes", .number_default = kDefaults.attributes},
    PropertyRow{
        .name = "keypoints", .kind = Kind::kBool, .blurb = "Draw keypoints", .number_default = kDefaults.keypoints},
    PropertyRow{
        .name = "masks", .kind = Kind::kBool, .blurb = "Tint segmentation masks", .number_default = kDefaults.masks},
    PropertyRow{.name = "mask-opacity",
                .kind = Kind::kDouble,
                .blurb = "Strength of the tint",
                .most = 1,
                .number_default = kDefaults.mask_opacity},
    PropertyRow{.name = "line-width",
                .kind = Kind::kInt,
                .blurb = "Pixels; 0: in proportion to the frame",
                .most = 64,
                .number_default = kDefaults.line_px},
};

class OverlayWork final : public ElementWork {
 public:
  explicit OverlayWork(const OverlaySettings& settings) : settings_(settings) {}

  void process(GstBuffer* buffer) override {
    const FrameAnalysis analysis = read_analysis(buffer, info_);
    GstVideoFrame frame;
    if (gst_video_frame_map(&frame, &info_, buffer, GST_MAP_READWRITE) == FALSE) {
      fail(ErrorCode::kDevice, "cannot map the buffer for writing");
    }
    try {
      draw(analysis, mutable_view_of(frame), settings_);
    } catch (...) {
      gst_video_frame_unmap(&frame);
      throw;
    }
    gst_video_frame_unmap(&frame);
  }

  void set_caps(const GstVideoInfo* info) override { info_ = *info; }

 private:
  OverlaySettings settings_;
  GstVideoInfo info_{};
};

std::unique_ptr<ElementWork> make(GstElement* /*element*/, const PropertyValues& values) {
  return std::make_unique<OverlayWork>(
      OverlaySettings{.boxes = values.flag("boxes"),
                      .labels = values.flag("labels"),
                      .attributes = values.flag("attributes"),
                      .keypoints = values.flag("keypoints"),
                      .masks = values.flag("masks"),
                      .mask_opacity = static_cast<float>(values.number("mask-opacity")),
                      .line_px = static_cast<int>(values.number("line-width"))});
}

constexpr SmallElementInfo kInfo{.type_name = "FvOverlay",
                                 .long_name = "Analysis overlay",
                                 .klass = "Filter/Effect/Video",
                                 .description = "Draws objects, labels, attributes, keypoints and masks onto the frame",
                                 .properties = kProperties,
                                 .make = make};

}  // namespace

GType fvoverlay_get_type() {
  static const GType type = register_small_element(&kInfo);
  return type;
}

}  // namespace fovea::elements
