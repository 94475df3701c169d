/**
 * SECTION:element-fvinference
 * @title: fvinference
 *
 * Runs a model and attaches its raw output tensors
 *
 * |[
 * gst-launch-1.0 … ! fvinference model=embedding.xml inference-region=roi-list ! …
 * ]|
 */
#include "elements/inference/inference_element.hpp"
#include "elements/registration.hpp"

namespace fovea::elements {

GType fvinference_get_type() {
  static constexpr InferenceElementInfo kInfo{.kind = InferenceKind::kInference,
                                              .default_region = InferenceRegion::kFullFrame,
                                              .long_name = "Raw inference",
                                              .klass = "Filter/Analyzer/Video",
                                              .description = "Runs a model and attaches its raw output tensors"};
  static const GType type = register_inference_element("FvInference", &kInfo);
  return type;
}

}  // namespace fovea::elements
