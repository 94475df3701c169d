// What a model file says about its own pre- and post-processing, as a ModelSpec: OpenVINO's `model_info`, the metadata
// of Ultralytics' exports, and Open Model Zoo's model.yml beside the file.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format.html
// https://docs.ultralytics.com/integrations/onnx/
#pragma once

#include <filesystem>

#include "engine/graph/model.hpp"
#include "vision/model_spec.hpp"

namespace fovea {

/// What `model.metadata` says replaces what `base` says. Read are Ultralytics' keys (`framework/names`, `task`, …: from
/// ONNX metadata_props, or from an IR made of such a file) and then, stronger, `model_info/…`; other keys mean nothing
/// here. Shapes of outputs tell the forms of YOLO apart.
/// \throws Error{kInvalidConfig} "model '<file>': model_info/pad_value is '300', expected a number from 0 to 255".
ModelSpec apply_model_metadata(const Model& model, ModelSpec base);

/// The same for the metadata.yaml that Ultralytics writes into the folder of an export.
/// \throws Error{kNotFound}, Error{kInvalidConfig} with file, line and column, or file and key.
ModelSpec apply_export_metadata(const std::filesystem::path& yaml, const Model& model, ModelSpec base);

/// Open Model Zoo's model.yml: `task_type`, and of `model_optimizer_args` mean, scale and the order of channels. They
/// say what conversion puts into an IR; so they hold for the original file, and for an IR only where its record of the
/// conversion lacks them.
/// \throws Error{kNotFound}, Error{kInvalidConfig} with file, line and column.
ModelSpec apply_zoo_description(const std::filesystem::path& yml, const Model& model, ModelSpec base);

}  // namespace fovea
