#include "elements/inference/shared_model.hpp"

#include <array>
#include <map>

#include "engine/base/mutex.hpp"
#include "engine/base/text.hpp"
#include "engine/runtime/properties.hpp"
#include "vision/model_files.hpp"

namespace fovea {
namespace {

/// What makes two elements want the same compiled model.
struct ModelKey {
  std::string model;
  std::string device;
  std::string config;
  unsigned nireq = 0;
};

struct Entry {
  ModelKey key;
  std::string owner;  ///< Element that made it.
  std::weak_ptr<SharedModel> model;
};

/// The process's models. A registry of weak pointers: it owns nothing and empties itself.
struct Registry {
  Mutex mutex;
  std::map<std::string, Entry> entries FOVEA_GUARDED_BY(mutex);
  std::weak_ptr<Core> core FOVEA_GUARDED_BY(mutex);
};

Registry& registry() {
  static Registry instance;
  return instance;
}

void check_equal(const ModelKey& a, const ModelKey& b, const Entry& entry, const InferenceSettings& settings) {
  const std::string nireq_a = std::to_string(a.nireq);
  const std::string nireq_b = std::to_string(b.nireq);
  struct Row {
    const char* name;
    const std::string& ours;
    const std::string& theirs;
  };
  const std::array rows = {Row{"model", b.model, a.model}, Row{"device", b.device, a.device},
                           Row{"ie-config", b.config, a.config}, Row{"nireq", nireq_b, nireq_a}};
  for (const Row& row : rows) {
    if (row.ours != row.theirs) {
      fail(ErrorCode::kInvalidArgument, "model-instance-id '{}' is used by '{}' with {}={}, but '{}' asks for {}={}",
           settings.model_instance_id, entry.owner, row.name, row.theirs, settings.element, row.name, row.ours);
    }
  }
}

std::shared_ptr<SharedModel> make_model(std::shared_ptr<Core> core, const ModelKey& key) {
  CompiledModel compiled =
      core->compile_model(std::filesystem::path(key.model), key.device, parse_properties(key.config));
  std::size_t requests = key.nireq;
  if (requests == 0) {
    requests =
        static_cast<std::size_t>(parse_int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")).value_or(1));
  }
  auto shared = std::make_shared<SharedModel>(SharedModel{std::move(core), std::move(compiled), requests, nullptr});
  shared->pool = std::make_unique<RequestPool>(shared->compiled, requests);
  return shared;
}

}  // namespace

std::shared_ptr<SharedModel> acquire_model(const InferenceSettings& settings) {
  if (settings.model.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "property model is not set; give the path of a model file or the name of an installed model");
  }
  const ModelKey key{resolve_model(settings.model).string(), settings.device, settings.config, settings.nireq};
  const std::string name = settings.model_instance_id.empty()
                               ? fmt::format("{}\n{}\n{}\n{}", key.model, key.device, key.config, key.nireq)
                               : "id " + settings.model_instance_id;
  Registry& models = registry();
  // Held while compiling: a second element with the same model waits instead of compiling it again.
  const MutexLock lock(models.mutex);
  std::erase_if(models.entries, [](const auto& entry) { return entry.second.model.expired(); });
  if (const auto found = models.entries.find(name); found != models.entries.end()) {
    if (auto model = found->second.model.lock()) {
      check_equal(found->second.key, key, found->second, settings);
      return model;
    }
  }
  std::shared_ptr<Core> core = models.core.lock();
  if (core == nullptr) {
    core = std::make_shared<Core>();
    models.core = core;
  }
  auto model = make_model(std::move(core), key);
  models.entries[name] = {key, settings.element, model};
  return model;
}

}  // namespace fovea
