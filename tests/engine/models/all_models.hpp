// Every model of the test data, of every format, with fixed extents: what the IR writer is tested with.
#pragma once

#include <filesystem>
#include <vector>

#include "engine/graph/model.hpp"

namespace fovea::test {

/// Folder of the models; absent where there is no test data.
std::filesystem::path models_folder();

/// Files that read_model takes, in order of their paths.
std::vector<std::filesystem::path> model_files();

/// The model with open extents fixed: 1 for the first axis, 32 (or what the model needs) for the others.
Model read_with_fixed_extents(const std::filesystem::path& file);

}  // namespace fovea::test
