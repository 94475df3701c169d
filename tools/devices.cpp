// `fovea devices`: the devices this build can use on this machine.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "engine/runtime/core.hpp"
#include "tools/subcommand.hpp"

namespace fovea::tools {
namespace {

std::function<int()> setup(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "Print JSON");
  return [json] {
    const Core core;
    nlohmann::json list = nlohmann::json::array();
    for (const Core::DeviceInfo& device : core.devices()) {
      if (*json) {
        list.push_back({{"name", device.name}, {"description", device.description}});
      } else {
        fmt::print("{:<10} {}\n", device.name, device.description);
      }
    }
    if (*json) {
      fmt::print("{}\n", list.dump(2));
    }
    return 0;
  };
}

}  // namespace

extern const Subcommand devices_subcommand;
const Subcommand devices_subcommand{.name = "devices", .summary = "List the devices models can run on", .setup = setup};

}  // namespace fovea::tools
