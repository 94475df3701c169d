// Every configuration, pipeline and model description that we ship can be read.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "daemon/config/node_config.hpp"
#include "daemon/config/pipeline_config.hpp"
#include "engine/base/error.hpp"
#include "tests/support/temp_dir.hpp"
#include "vision/model_spec.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> yaml_files(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(FOVEA_SOURCE_DIR) / folder)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(entry.path());
    }
  }
  EXPECT_FALSE(files.empty()) << folder;
  return files;
}

TEST(DataFiles, ModelDescriptions) {
  for (const fs::path& file : yaml_files("models")) {
    EXPECT_NO_THROW(read_model_spec(file)) << file;
  }
}

TEST(DataFiles, NodeConfigurations) {
  for (const fs::path& file : yaml_files("configs")) {
    EXPECT_NO_THROW(read_node_config(file)) << file;
  }
}

/// Creates an empty file for each match of the pattern's first group.
void stand_in(const TempDir& dir, const std::string& text, const std::string& pattern, const std::string& extension) {
  const std::regex expression(pattern);
  for (auto it = std::sregex_iterator(text.begin(), text.end(), expression); it != std::sregex_iterator(); ++it) {
    dir.write((*it)[1].str() + extension, "");
  }
}

/// Reading looks for models and recordings; empty files of their names stand for what a machine would have.
TEST(DataFiles, Pipelines) {
  for (const fs::path& file : yaml_files("pipelines")) {
    const TempDir dir;
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    stand_in(dir, content.str(), "model: *([a-z0-9-]+)", ".xml");
    stand_in(dir, content.str(), "file: *([a-z0-9.-]+)", "");
    try {
      const PipelineConfig config =
          read_pipeline_config(dir.write(file.filename().string(), content.str()), {dir.path().string()});
      EXPECT_FALSE(config.sources.empty()) << file;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

}  // namespace
}  // namespace fovea::test
