// `fovea run`: runs pipelines in the foreground, or prints them as gst-launch lines.
#include <memory>

#include "daemon/service.hpp"
#include "tools/subcommand.hpp"

namespace fovea::tools {
namespace {

struct Options {
  ServiceOptions service;
  bool to_gst_launch = false;
};

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("pipelines", options->service.pipelines, "Pipeline files")->required();
  app.add_option("-c,--config", options->service.config, "Node configuration (fovea.yaml)");
  app.add_flag("--to-gst-launch", options->to_gst_launch, "Print each pipeline as a gst-launch-1.0 command and end");
  options->service.exit_when_finished = true;
  return [options] {
    if (options->to_gst_launch) {
      return print_launch_lines(options->service);
    }
    return run_service(options->service);
  };
}

}  // namespace

extern const Subcommand run_subcommand;
const Subcommand run_subcommand{
    .name = "run", .summary = "Run pipelines in the foreground until their sources end", .setup = setup};

}  // namespace fovea::tools
