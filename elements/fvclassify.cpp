/**
 * SECTION:element-fvclassify
 * @title: fvclassify
 *
 * Tells properties of objects (or of the whole frame) with a classification, regression or landmark model
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=vehicles.xml ! fvtrack ! fvclassify model=attributes.xml object-class=vehicle
 * reclassify-interval=15 ! …
 * ]|
 */
#include "elements/inference/inference_element.hpp"
#include "elements/registration.hpp"

namespace fovea::elements {

GType fvclassify_get_type() {
  static constexpr InferenceElementInfo kInfo{
      .kind = InferenceKind::kClassify,
      .default_region = InferenceRegion::kRoiList,
      .long_name = "Object classification",
      .klass = "Filter/Analyzer/Video",
      .description =
          "Tells properties of objects (or of the whole frame) with a classification, regression or landmark model"};
  static const GType type = register_inference_element("FvClassify", &kInfo);
  return type;
}

}  // namespace fovea::elements
