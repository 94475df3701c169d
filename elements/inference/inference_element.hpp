// The GObject shell that fvdetect, fvclassify, fvsegment and fvinference share: pads, properties, state changes.
#pragma once

#include <gst/gst.h>

#include "elements/inference/settings.hpp"

namespace fovea {

/// What distinguishes one inference element from another.
struct InferenceElementInfo {
  InferenceKind kind = InferenceKind::kDetect;
  InferenceRegion default_region = InferenceRegion::kFullFrame;
  const char* long_name = nullptr;
  const char* klass = nullptr;
  const char* description = nullptr;
};

/// Registers the GObject type of an inference element. \param type_name  "FvDetect".
GType register_inference_element(const char* type_name, const InferenceElementInfo* info);

}  // namespace fovea
