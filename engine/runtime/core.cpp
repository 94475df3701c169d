#include "engine/runtime/core.hpp"

#include <algorithm>

#include "engine/base/cpu_info.hpp"
#include "engine/base/log.hpp"
#include "engine/base/text.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/runtime/compiled_model.hpp"
#include "engine/runtime/properties.hpp"
#include "engine/runtime/state.hpp"

namespace fovea {

namespace {

/// Compiled models share their plugin: they may compile further variants when the Core is gone.
std::vector<std::shared_ptr<const Plugin>> shared_plugins() {
  std::vector<std::shared_ptr<const Plugin>> plugins;
  for (auto& plugin : make_plugins()) {
    plugins.push_back(std::move(plugin));
  }
  return plugins;
}

}  // namespace

struct Core::State {
  std::vector<std::shared_ptr<const Plugin>> plugins = shared_plugins();
  std::shared_ptr<Scheduler> scheduler = std::make_shared<Scheduler>();

  std::shared_ptr<const Plugin> get_plugin(std::string_view device) const {
    std::vector<std::string> names;
    for (const auto& plugin : plugins) {
      names.push_back(plugin->name());
      if (names.back() == device) {
        return plugin;
      }
    }
    std::string list;
    for (const std::string& name : names) {
      list += (list.empty() ? "" : ", ") + name;
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    fail(ErrorCode::kNotFound, "no device '{}' (available: {}){}", device, list, did_you_mean(device, views));
  }
};

Core::Core() : state_(std::make_shared<State>()) {}
Core::~Core() = default;

Model Core::read_model(const std::filesystem::path& path) const { return fovea::read_model(path); }

Scheduler& Core::scheduler() { return *state_->scheduler; }

std::vector<Core::DeviceInfo> Core::devices() const {
  std::vector<DeviceInfo> infos;
  for (const auto& plugin : state_->plugins) {
    infos.push_back({plugin->name(), plugin->description()});
  }
  return infos;
}

CompiledModel Core::compile_model(const Model& model, std::string_view device, const Properties& properties) {
  const std::shared_ptr<const Plugin> plugin = state_->get_plugin(device);
  const auto begin = std::chrono::steady_clock::now();
  auto compiled = std::make_shared<CompiledModel::State>();
  compiled->model = model;
  compiled->device = std::string(device);
  compiled->properties = complete_properties(properties);
  compiled->scheduler = state_->scheduler;
  compiled->lane_use = plugin->lane_use(compiled->properties);
  try {
    compiled->executable = compile_with_state(model.graph, plugin, compiled->properties);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("model '{}' on {}", model.name, device));
  }
  state_->scheduler->open_lanes(device, compiled->lane_use.lanes, available_cores());
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  FOVEA_LOG(kInfo, "engine", "model '{}' compiled for {} in {} ms", model.name, device,
            std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
  return CompiledModel(std::move(compiled));
}

}  // namespace fovea
