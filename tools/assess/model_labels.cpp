// What a pipeline's detectors can say, read from the descriptions of their models.
#include "engine/base/text.hpp"
#include "tools/assess/pipeline_run.hpp"
#include "vision/model_proc.hpp"
#include "vision/model_spec.hpp"

namespace fovea::assess {
namespace {

/// As the element resolves them: properties go before the description.
std::vector<std::string> labels_of(const ModelStage& stage) {
  if (!stage.labels_file.empty()) {
    return read_labels(stage.labels_file);
  }
  if (!stage.labels.empty()) {
    return split(stage.labels, ',');
  }
  ModelSpec spec = stage.model_spec.empty() ? find_model_spec(stage.model) : read_model_spec(stage.model_spec);
  if (!stage.model_proc.empty()) {
    spec = read_model_proc(stage.model_proc, std::move(spec));
  }
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
