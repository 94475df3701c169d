#include "engine/runtime/core.hpp"

#include <malloc.h>

#include <algorithm>
#include <map>

#include "engine/base/cpu_info.hpp"
#include "engine/base/log.hpp"
#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/runtime/background_writer.hpp"
#include "engine/runtime/compiled_cache.hpp"
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

/// What users of a compiled model ask the model for: all but nodes and constants.
Model outline(const Model& model) {
  Model result;
  result.name = model.name;
  result.path = model.path;
  result.format = model.format;
  result.hash = model.hash;
  result.metadata = model.metadata;
  result.graph.name = model.graph.name;
  std::map<ValueId, ValueId> kept;
  const auto keep = [&](const GraphPort& port) {
    const auto [place, added] = kept.try_emplace(port.value, static_cast<ValueId>(result.graph.values.size()));
    if (added) {
      const Value& value = model.graph.value(port.value);
      result.graph.values.push_back({.name = value.name, .type = value.type, .producer = kNone, .constant = {}});
    }
    GraphPort copy = port;
    copy.value = place->second;
    return copy;
  };
  std::ranges::transform(model.graph.inputs, std::back_inserter(result.graph.inputs), keep);
  std::ranges::transform(model.graph.outputs, std::back_inserter(result.graph.outputs), keep);
  return result;
}

}  // namespace

struct Core::State {
  std::vector<std::shared_ptr<const Plugin>> plugins = shared_plugins();
  std::shared_ptr<Scheduler> scheduler = std::make_shared<Scheduler>();
  BackgroundWriter writer;  ///< Of cache entries: nobody waits for the disk but who destroys the Core.

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

  std::shared_ptr<CompiledModel::State> begin_compiling(std::string_view device, const Properties& properties) const {
    const std::shared_ptr<const Plugin> plugin = get_plugin(device);
    auto compiled = std::make_shared<CompiledModel::State>();
    compiled->device = std::string(device);
    compiled->properties = complete_properties(properties);
    compiled->scheduler = scheduler;
    compiled->lane_use = plugin->lane_use(compiled->properties);
    return compiled;
  }

  std::shared_ptr<const CompiledModel::State> finish_compiling(std::shared_ptr<CompiledModel::State> compiled,
                                                               std::chrono::steady_clock::time_point begin,
                                                               std::string_view how) const {
    malloc_trim(0);  // what reading and compiling took goes back to the system
    scheduler->open_lanes(compiled->device, compiled->lane_use.lanes, available_cores());
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    FOVEA_LOG(kInfo, "engine", "model '{}' {} for {} in {} ms", compiled->model.name, how, compiled->device,
              std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
    return compiled;
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

CompiledModel Core::compile_model(Model model, std::string_view device, const Properties& properties) {
  const auto begin = std::chrono::steady_clock::now();
  auto compiled = state_->begin_compiling(device, properties);
  compiled->model = outline(model);
  const std::shared_ptr<const Plugin> plugin = state_->get_plugin(device);
  try {
    compiled->executable = compile_with_state(std::move(model.graph), plugin, compiled->properties);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("model '{}' on {}", compiled->model.name, device));
  }
  return CompiledModel(state_->finish_compiling(std::move(compiled), begin, "compiled"));
}

CompiledModel Core::compile_model(const std::filesystem::path& path, std::string_view device,
                                  const Properties& properties) {
  const auto begin = std::chrono::steady_clock::now();
  auto compiled = state_->begin_compiling(device, properties);
  const std::shared_ptr<const Plugin> plugin = state_->get_plugin(device);
  const std::string device_key = plugin->cache_key(compiled->properties);
  const std::filesystem::path file = model_file(path);
  std::error_code unreadable;  // reading the model says what is wrong
  if (compiled->properties.at("CACHE_DIR").empty() || device_key.empty() ||
      !std::filesystem::is_regular_file(file, unreadable)) {
    return compile_model(read_model(path), device, properties);
  }
  const auto megabytes = static_cast<std::uint64_t>(parse_int(compiled->properties.at("CACHE_SIZE_MB")).value_or(0));
  const CompiledCache cache(compiled->properties.at("CACHE_DIR"), megabytes << 20U);
  const CompiledCache::Key key = CompiledCache::key_of(file, device_key);
  if (auto found = cache.load(key, file)) {
    try {
      compiled->executable = plugin->restore(std::move(found->parts), compiled->properties);
      compiled->model = std::move(found->outline);
      return CompiledModel(state_->finish_compiling(std::move(compiled), begin, "taken from the cache"));
    } catch (const Error& error) {
      FOVEA_LOG(kWarning, "engine", "the cached form of model '{}' does not fit, {}; it is compiled anew",
                path.string(), error.what());
    }
  }
  const OpenedFiles files;
  Model model = read_model(path);
  if (!CompiledCache::can_keep(model.graph)) {
    return compile_model(std::move(model), device, properties);
  }
  compiled->model = outline(model);
  auto parts = std::make_shared<CompiledParts>();
  try {
    compiled->executable = plugin->compile(std::move(model.graph), compiled->properties, *parts);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("model '{}' on {}", compiled->model.name, device));
  }
  state_->writer.submit(
      [cache, key, parts, names = files.paths(), shown = compiled->model] { cache.store(key, shown, names, *parts); });
  return CompiledModel(state_->finish_compiling(std::move(compiled), begin, "compiled"));
}

}  // namespace fovea
