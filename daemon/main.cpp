// fovead: the command line of the daemon.
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "daemon/config/reference.hpp"
#include "daemon/service.hpp"
#include "engine/base/error.hpp"

namespace {

/// The configured levels, unless the environment has its own; before the first line is logged.
void set_log_levels(const fovea::ServiceOptions& options) {
  const std::string levels = fovea::load_config(options).node.log;
  ::setenv("FOVEA_LOG", levels.c_str(), 0);  // NOLINT(concurrency-mt-unsafe): no other thread yet
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("fovead: runs video analytics pipelines and publishes what they see.", "fovead");
  fovea::ServiceOptions options;
  bool check = false;
  bool print_launch = false;
  bool print_reference = false;
  app.set_version_flag("--version", FOVEA_VERSION);
  app.add_option("-c,--config", options.config, "Node configuration (fovea.yaml)");
  app.add_option("-p,--pipeline", options.pipelines, "Run these pipeline files instead of the configured directory");
  app.add_flag("--check", check, "Read everything, say what is wrong, start nothing");
  app.add_flag("--to-gst-launch", print_launch, "Print each pipeline as a gst-launch-1.0 command and end");
  app.add_flag("--exit-when-finished", options.exit_when_finished, "End when all sources have ended");
  app.add_flag("--print-config-reference", print_reference)->group("");  // For docs/config.md; not shown in the help.
  CLI11_PARSE(app, argc, argv);
  try {
    if (print_reference) {
      fmt::print("{}", fovea::config_reference());
      return 0;
    }
    if (options.config.empty() && options.pipelines.empty()) {
      fmt::print(stderr, "fovead: give --config or --pipeline; see fovead --help\n");
      return 2;
    }
    if (check) {
      return fovea::check_config(options);
    }
    if (print_launch) {
      return fovea::print_launch_lines(options);
    }
    set_log_levels(options);
    return fovea::run_service(options);
  } catch (const fovea::Error& error) {
    fmt::print(stderr, "fovead: {}\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fovead: unexpected: {}\n", error.what());
    return 1;
  }
}
