// `fovea check`: validates pipelines (and the node's configuration) without touching a camera.
#include "daemon/service.hpp"
#include "engine/base/error.hpp"
#include "tools/subcommand.hpp"

#include <memory>

namespace fovea::tools {
namespace {

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<ServiceOptions>();
  app.add_option("pipelines", options->pipelines, "Pipeline files");
  app.add_option("-c,--config", options->config, "Node configuration (fovea.yaml)");
  return [options] {
    if (options->pipelines.empty() && options->config.empty()) {
      fail(ErrorCode::kInvalidArgument, "give a pipeline file or --config FILE");
    }
    return check_config(*options);
  };
}

}  // namespace

extern const Subcommand check_subcommand;
const Subcommand check_subcommand{
    .name = "check", .summary = "Check pipelines and configuration without running them", .setup = setup};

}  // namespace fovea::tools
