// The `fovea` command: a front door for people with a model or a pipeline.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <functional>
#include <map>

#include "engine/base/error.hpp"
#include "tools/subcommand.hpp"

namespace fovea {
namespace tools {
#define FOVEA_SUBCOMMAND(name) extern const Subcommand name##_subcommand;
#include "tools/subcommands.inc"
#undef FOVEA_SUBCOMMAND
}  // namespace tools

namespace {

constexpr int kExitFailure = 1;

int run(int argc, char** argv) {
  CLI::App app("Fovea: edge video analytics. Models, devices and pipelines from the command line.", "fovea");
  app.set_version_flag("--version", FOVEA_VERSION);
  app.require_subcommand(1);
  std::map<const CLI::App*, std::function<int()>> actions;
#define FOVEA_SUBCOMMAND(id) &tools::id##_subcommand,
  static const std::array kSubcommands = {
#include "tools/subcommands.inc"
  };
#undef FOVEA_SUBCOMMAND
  for (const Subcommand* subcommand : kSubcommands) {
    CLI::App* child = app.add_subcommand(std::string(subcommand->name), std::string(subcommand->summary));
    actions[child] = subcommand->setup(*child);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return actions.at(app.get_subcommands().front())();
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  try {
    return fovea::run(argc, argv);
  } catch (const fovea::Error& error) {
    fmt::print(stderr, "fovea: {}: {}\n", fovea::to_string(error.code()), error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "fovea: {}\n", error.what());
  }
  return fovea::kExitFailure;
}
