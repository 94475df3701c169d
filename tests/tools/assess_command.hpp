// Runs `fovea assess` of this build as a process.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace fovea::test {

struct CommandResult {
  int status = -1;  ///< Exit status.
  std::string out;
  std::string err;
};

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// \param directory  Where its output and GStreamer's registry may lie.
inline CommandResult assess(const std::filesystem::path& directory, const std::string& arguments) {
  const std::string environment =
      "GST_PLUGIN_PATH=" FOVEA_BINARY_DIR "/lib/gstreamer-1.0 GST_REGISTRY=" FOVEA_BINARY_DIR
      "/gst-registry-assess.bin FOVEA_MODEL_SPECS=" FOVEA_SOURCE_DIR "/models/omz ";
  const std::string out = (directory / "out").string();
  const std::string err = (directory / "err").string();
  const int status =
      std::system((environment + FOVEA_BINARY_DIR "/bin/fovea assess " + arguments + " >" + out + " 2>" + err).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(out), read_text(err)};
}

}  // namespace fovea::test
