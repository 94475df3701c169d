// One ModelSpec from everything that says how to feed and read a model, the strongest source for each field.
//
// Strongest first:
//   1. what the user asks for in properties or options: labels, labels-file;
//   2. our own description: the file given (model-spec), else `<stem>.yaml` or `model.yaml` beside the model;
//   3. the model-proc file given;
//   4. `<stem>.yaml` in each directory of FOVEA_MODEL_SPECS (separated by colons) and in model_directories();
//   5. what the model file says itself: model_info, then Ultralytics' metadata, then metadata.yaml beside it;
//   6. Open Model Zoo's model.yml in the model's folder or, where that is named after a precision, in the one above;
//   7. what shapes and layout of the graph tell, when the model is used (resolve_preprocess, make_post_process).
#pragma once

#include <filesystem>
#include <string>

#include "engine/graph/model.hpp"
#include "vision/model_spec.hpp"

namespace fovea {

/// What a user says besides the model. Empty: nothing.
struct SpecRequest {
  std::filesystem::path model_spec;
  std::filesystem::path model_proc;
  std::filesystem::path labels_file;  ///< Wins over labels.
  std::string labels;                 ///< Separated by commas.
};

/// `ModelSpec::origins` says for each field who set it, `sources` which files were read.
/// \throws Error{kNotFound} for a file given that does not exist, Error{kInvalidConfig} for the first value in any
///         source that is wrong, whether or not a stronger one replaces it. A description with `use-metadata: false`
///         keeps sources 5 and 6 from being read.
ModelSpec resolve_model_spec(const Model& model, const SpecRequest& request = {});

/// Without sources 5 and 6, for callers that do not read the model.
ModelSpec resolve_model_spec(const std::filesystem::path& model, const SpecRequest& request = {});

}  // namespace fovea
