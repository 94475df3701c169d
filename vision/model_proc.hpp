// Reading DL Streamer's model-proc JSON (schema 2.x) into a ModelSpec, so that existing descriptions keep working.
// https://dlstreamer.github.io/dev_guide/model_proc_file.html
#pragma once

#include <filesystem>

#include "vision/model_spec.hpp"

namespace fovea {

/// What the file says replaces what `base` says; what it leaves out stays. `range`, `mean` and `std` become mean and
/// scale; `resize: aspect-ratio` becomes letterbox, or central crop with `crop: central`. Keys that change nothing here
/// are logged once a file and skipped.
/// \throws Error{kNotFound} when the file does not exist; Error{kInvalidConfig} "file: place: message" when it is no
/// JSON
///         or a value is wrong; Error{kUnsupported} for crops other than central.
ModelSpec read_model_proc(const std::filesystem::path& json, ModelSpec base);

}  // namespace fovea
