// Sources are applied from the weakest to the strongest, each over what the weaker ones said.
#include "vision/model_spec_resolve.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include "engine/base/text.hpp"
#include "vision/model_files.hpp"
#include "vision/model_proc.hpp"
#include "vision/model_spec_metadata.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> first_file(const std::vector<fs::path>& candidates) {
  std::error_code unreadable;  // then it is none
  const auto found =
      std::ranges::find_if(candidates, [&](const fs::path& file) { return fs::is_regular_file(file, unreadable); });
  return found == candidates.end() ? std::nullopt : std::optional(*found);
}

std::optional<fs::path> description_beside(const fs::path& model) {
  if (model.empty()) {
    return std::nullopt;  // built in memory
  }
  return first_file({model.parent_path() / (model_name(model) + ".yaml"), model.parent_path() / "model.yaml"});
}

std::optional<fs::path> description_elsewhere(const fs::path& model) {
  if (model.empty()) {
    return std::nullopt;
  }
  std::vector<fs::path> candidates;
  const std::string file = model_name(model) + ".yaml";
  if (const char* variable = std::getenv("FOVEA_MODEL_SPECS")) {
    for (const std::string& directory : split(variable, ':')) {
      if (!directory.empty()) {
        candidates.push_back(fs::path(directory) / file);
      }
    }
  }
  for (const fs::path& directory : model_directories()) {
    candidates.push_back(directory / file);
  }
  return first_file(candidates);
}

std::optional<fs::path> zoo_description(const fs::path& model) {
  constexpr std::array<std::string_view, 6> kPrecisions = {"FP32",      "FP16",      "INT8",
                                                           "FP16-INT8", "FP32-INT8", "FP16-INT1"};
  const fs::path folder = model.parent_path();
  std::vector<fs::path> candidates = {folder / "model.yml"};
  if (std::ranges::find(kPrecisions, folder.filename().string()) != kPrecisions.end()) {
    candidates.push_back(folder.parent_path() / "model.yml");
  }
  return first_file(candidates);
}

void note_source(ModelSpec& spec, std::string text) { spec.sources.insert(spec.sources.begin(), std::move(text)); }

/// Sources 6 and 5.
ModelSpec with_metadata(const Model& model, ModelSpec spec) {
  const bool in_memory = model.path.empty();
  if (const auto yml = in_memory ? std::nullopt : zoo_description(model.path)) {
    spec = apply_zoo_description(*yml, model, std::move(spec));
    note_source(spec, yml->string());
  }
  if (const auto yaml = in_memory ? std::nullopt : first_file({model.path.parent_path() / "metadata.yaml"})) {
    spec = apply_export_metadata(*yaml, model, std::move(spec));
    note_source(spec, yaml->string());
  }
  const SpecOrigins before = spec.origins;
  spec = apply_model_metadata(model, std::move(spec));
  if (spec.origins != before) {
    note_source(spec, "the model's own metadata");
  }
  return spec;
}

void apply_labels(const SpecRequest& request, ModelSpec& spec) {
  if (request.labels_file.empty() && request.labels.empty()) {
    return;
  }
  const bool file = !request.labels_file.empty();
  spec.labels = file ? read_labels(request.labels_file) : split(request.labels, ',');
  // Of several outputs with labels of their own nobody knows which is meant.
  if (spec.outputs.size() == 1) {
    spec.outputs[0].labels.clear();
  }
  spec.origins["labels"] = file ? "labels-file" : "labels";
}

ModelSpec resolve(const fs::path& path, const SpecRequest& request, const Model* model) {
  const auto own = request.model_spec.empty() ? description_beside(path) : std::optional(request.model_spec);
  const auto elsewhere = own ? std::nullopt : description_elsewhere(path);
  ModelSpec spec;
  spec.name = model_name(path);
  // Descriptions may forbid what is weaker than they are, so they are looked at before it.
  const bool allowed =
      (!own || read_model_spec(*own).use_metadata) && (!elsewhere || read_model_spec(*elsewhere).use_metadata);
  if (model != nullptr && allowed) {
    spec = with_metadata(*model, std::move(spec));
  }
  if (elsewhere) {
    spec = read_model_spec(*elsewhere, std::move(spec));
    note_source(spec, elsewhere->string());
  }
  if (!request.model_proc.empty()) {
    spec = read_model_proc(request.model_proc, std::move(spec));
    note_source(spec, request.model_proc.string());
  }
  if (own) {
    spec = read_model_spec(*own, std::move(spec));
    note_source(spec, own->string());
  }
  apply_labels(request, spec);
  spec.model = path;
  return spec;
}

}  // namespace

ModelSpec resolve_model_spec(const Model& model, const SpecRequest& request) {
  return resolve(model.path, request, &model);
}

ModelSpec resolve_model_spec(const fs::path& model, const SpecRequest& request) {
  return resolve(model, request, nullptr);
}

}  // namespace fovea
