// Makes the plugins of plugins.inc.
#include "engine/runtime/plugin.hpp"

namespace fovea {

#define FOVEA_PLUGIN(name) std::unique_ptr<Plugin> make_##name##_plugin();
#include "engine/plugins/plugins.inc"
#undef FOVEA_PLUGIN

std::vector<std::unique_ptr<Plugin>> make_plugins() {
  std::vector<std::unique_ptr<Plugin>> plugins;
#define FOVEA_PLUGIN(name) plugins.push_back(make_##name##_plugin());
#include "engine/plugins/plugins.inc"
#undef FOVEA_PLUGIN
  return plugins;
}

}  // namespace fovea
