// Where models given by name lie.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// The directories of the environment variable FOVEA_MODELS (separated by colons), then the installed models.
std::vector<std::filesystem::path> model_directories();

/// The first that exists of `<dir>/<name>/<name>.xml`, the same in the folders FP32, FP16 and FP16-INT8, and
/// `<dir>/<name>.xml`, for each directory in turn; the same with .onnx. A name with an extension is also looked for as
/// `<dir>/<name>`. nullopt when there is none.
std::optional<std::filesystem::path> find_model_file(std::string_view name,
                                                     std::span<const std::filesystem::path> directories);

/// What a user means by a model: `model` itself where such a file exists or it is a path, for the folder of a
/// TensorFlow SavedModel the saved_model.pb inside; else the file found by name in model_directories(), or `model`
/// again when there is none, for the reader to complain about.
std::filesystem::path resolve_model(const std::filesystem::path& model);

/// What a model file is called: its name without the ending; for a saved_model.pb the name of its folder.
std::string model_name(const std::filesystem::path& model);

}  // namespace fovea
