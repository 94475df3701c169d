// Looking for models in folders.
#include "vision/model_files.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include "engine/base/text.hpp"

namespace fovea {

namespace fs = std::filesystem;

namespace {

/// The file that holds the graph in the folder of a SavedModel.
constexpr const char* kSavedModel = "saved_model.pb";

}  // namespace

std::vector<fs::path> model_directories() {
  std::vector<fs::path> directories;
  if (const char* variable = std::getenv("FOVEA_MODELS")) {
    for (const std::string& directory : split(variable, ':')) {
      if (!directory.empty()) {
        directories.emplace_back(directory);
      }
    }
  }
  directories.push_back(fs::path(FOVEA_DATA_DIR) / "models");
  return directories;
}

std::optional<fs::path> find_model_file(std::string_view name, std::span<const fs::path> directories) {
  static constexpr std::array kExtensions = {".xml", ".onnx"};
  static constexpr std::array kPrecisions = {"", "FP32", "FP16", "FP16-INT8"};
  std::error_code ignored;
  for (const fs::path& directory : directories) {
    std::vector<fs::path> candidates;
    for (const char* extension : kExtensions) {
      const std::string file = std::string(name) + extension;
      for (const char* precision : kPrecisions) {
        candidates.push_back(directory / name / precision / file);
      }
      candidates.push_back(directory / file);
    }
    if (fs::path(name).has_extension()) {
      candidates.push_back(directory / name);
    }
    for (const fs::path& candidate : candidates) {
      if (fs::is_regular_file(candidate, ignored)) {
        return candidate.lexically_normal();
      }
    }
  }
  return std::nullopt;
}

fs::path resolve_model(const fs::path& model) {
  std::error_code ignored;
  if (fs::path inside = model / kSavedModel; fs::is_regular_file(inside, ignored)) {
    return inside.lexically_normal();
  }
  if (model.has_parent_path() || fs::exists(model, ignored)) {
    return model;
  }
  return find_model_file(model.string(), model_directories()).value_or(model);
}

std::string model_name(const fs::path& model) {
  if (model.filename() == kSavedModel && model.has_parent_path()) {
    return model.parent_path().filename().string();
  }
  return model.stem().string();
}

}  // namespace fovea
