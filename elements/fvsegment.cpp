/**
 * SECTION:element-fvsegment
 * @title: fvsegment
 *
 * Labels every cell of the frame with a segmentation model and attaches the mask
 *
 * |[
 * gst-launch-1.0 … ! fvsegment model=road-segmentation-adas-0001.xml ! fvoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include "elements/inference/inference_element.hpp"
#include "elements/registration.hpp"

namespace fovea::elements {

GType fvsegment_get_type() {
  static constexpr InferenceElementInfo kInfo{
      .kind = InferenceKind::kSegment,
      .default_region = InferenceRegion::kFullFrame,
      .long_name = "Semantic segmentation",
      .klass = "Filter/Analyzer/Video",
      .description = "Labels every cell of the frame with a segmentation model and attaches the mask"};
  static const GType type = register_inference_element("FvSegment", &kInfo);
  return type;
}

}  // namespace fovea::elements
