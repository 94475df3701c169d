// Runs validate.py on messages: "" when they follow docs/schemas/<name>.json, else the first violation.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/publish/temp_dir.hpp"

namespace fovea::testing {

inline std::string schema_violation(const std::string& name, const std::vector<std::string>& messages) {
  const TempDir dir;
  {
    std::ofstream file(dir / "messages");
    for (const std::string& message : messages) {
      file << message << '\n';
    }
  }
  const std::string root = FOVEA_SOURCE_DIR;
  const std::string command = "/usr/bin/python3 '" + root + "/tests/publish/validate.py' '" + root + "/docs/schemas/" +
                              name + ".json' < '" + (dir / "messages").string() + "' > '" + (dir / "out").string() +
                              "' 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream out(dir / "out");
  std::stringstream text;
  text << out.rdbuf();
  return status == 0 ? "" : "exit status " + std::to_string(status) + ": " + text.str();
}

}  // namespace fovea::testing
