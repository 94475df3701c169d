// A frontend reads one model format into a Model. One folder and one list line (frontends.inc) each.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/model.hpp"

namespace fovea {

/// An operator as a format names it.
struct FrontendOperator {
  std::string name;
  std::string versions;  ///< Those that are read, "1, 8" or "6+"; empty where the format has none.
};

struct Frontend {
  std::string_view name;  ///< "OpenVINO IR".
  /// Tells from the first bytes (at most 4 KiB) and the file name whether this frontend reads the file.
  bool (*recognises)(const std::filesystem::path& path, std::span<const std::byte> head) = nullptr;
  /// \throws Error{kInvalidModel, kUnsupported, kNotFound}; messages start after the file's name, which the caller
  /// adds.
  Model (*read)(const std::filesystem::path& path) = nullptr;
  /// What the frontend reads, from its own list; inputs and constants need not be among them.
  std::vector<FrontendOperator> (*operators)() = nullptr;
};

/// All frontends, in the order of frontends.inc.
std::span<const Frontend* const> all_frontends();

/// The file to begin with: `path`, or the one in the folder of a TensorFlow SavedModel.
std::filesystem::path model_file(const std::filesystem::path& path);

/// Reads a model with the first frontend that recognises it.
/// \param path  A file, or the folder of a TensorFlow SavedModel.
/// \throws Error{kNotFound, kInvalidModel, kUnsupported} starting with "model '<path>': "; for operators that are not
///         supported importer::UnsupportedOperators, which holds them all.
Model read_model(const std::filesystem::path& path);

}  // namespace fovea
