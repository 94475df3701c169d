// What a pipeline's detectors can say, read from the descriptions of their models.
#include "tools/assess/pipeline_run.hpp"
#include "vision/model_files.hpp"
#include "vision/model_spec_resolve.hpp"

namespace fovea::assess {
namespace {

/// As the element resolves them, without what the model file says itself: those labels count as not known.
std::vector<std::string> labels_of(const ModelStage& stage) {
  const ModelSpec spec = resolve_model_spec(resolve_model(stage.model), {.model_spec = stage.model_spec,
                                                                         .model_proc = stage.model_proc,
                                                                         .labels_file = stage.labels_file,
                                                                         .labels = stage.labels});
  std::vector<std::string> labels = spec.labels;
  for (const OutputSpec& output : spec.outputs) {
    labels.insert(labels.end(), output.labels.begin(), output.labels.end());
  }
  return labels;
}

}  // namespace

std::optional<std::set<std::string>> known_labels(const PipelineConfig& pipeline) {
  std::set<std::string> known;
  for (const StageConfig& stage : pipeline.stages) {
    if (const auto* gst = std::get_if<GstStage>(&stage); gst != nullptr) {
      const bool may_detect =
          gst->fragment.find("detect") != std::string::npos || gst->fragment.find("attachroi") != std::string::npos;
      if (may_detect) {
        return std::nullopt;
      }
    }
    const auto* model = std::get_if<ModelStage>(&stage);
    if (model == nullptr || model->task != ModelTask::kDetect) {
      continue;
    }
    const std::vector<std::string> labels = labels_of(*model);
    if (labels.empty()) {
      return std::nullopt;
    }
    known.insert(labels.begin(), labels.end());
  }
  return known.empty() ? std::nullopt : std::optional(std::move(known));
}

}  // namespace fovea::assess
