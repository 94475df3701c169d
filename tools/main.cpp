// The `fovea` command: a front door for people with a model or a pipeline.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

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

/// The words of the command line; "-nstreams" means "--nstreams" where the subcommand has that option, as users of
/// OpenVINO's tools write it.
std::vector<std::string> words_of(int argc, char** argv, const CLI::App& app) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto named =
      app.get_subcommands([&](const CLI::App* child) { return !words.empty() && child->get_name() == words.front(); });
  for (std::string& word : words) {
    if (!named.empty() && word.size() > 2 && word[0] == '-' && word[1] != '-' &&
        named.front()->get_option_no_throw("-" + word.substr(0, word.find('='))) != nullptr) {
      word.insert(0, "-");
    }
  }
  return words;
}

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
  std::vector<std::string> words = words_of(argc, argv, app);
  std::ranges::reverse(words);  // CLI11 takes them from the end
  try {
    app.parse(std::move(words));
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
