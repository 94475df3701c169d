/**
 * SECTION:element-fvdetect
 * @title: fvdetect
 *
 * Finds objects with a detection model and attaches them as analysis and regions of interest
 *
 * |[
 * gst-launch-1.0 filesrc location=people.264 ! h264parse ! avdec_h264 ! fvdetect model=person-detection-retail-0013.xml
 * ! fvtrack ! fvmetaconvert ! fvpublish method=file file-path=out.jsonl ! fakesink
 * ]|
 */
#include "elements/inference/inference_element.hpp"
#include "elements/registration.hpp"

namespace fovea::elements {

GType fvdetect_get_type() {
  static constexpr InferenceElementInfo kInfo{
      .kind = InferenceKind::kDetect,
      .default_region = InferenceRegion::kFullFrame,
      .long_name = "Object detection",
      .klass = "Filter/Analyzer/Video",
      .description = "Finds objects with a detection model and attaches them as analysis and regions of interest"};
  static const GType type = register_inference_element("FvDetect", &kInfo);
  return type;
}

}  // namespace fovea::elements
