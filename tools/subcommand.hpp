// A subcommand of `fovea`: one file and one line in subcommands.inc.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>

namespace fovea {

struct Subcommand {
  std::string_view name;
  std::string_view summary;
  /// Adds the options and returns what runs when the subcommand was chosen; its result is the exit code.
  std::function<int()> (*setup)(CLI::App& app) = nullptr;
};

}  // namespace fovea
