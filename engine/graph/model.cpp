#include "engine/graph/model.hpp"

#include <algorithm>

namespace fovea {

std::size_t find_port(const std::vector<GraphPort>& ports, std::string_view name, std::string_view what) {
  if (name.empty() && ports.size() == 1) {
    return 0;
  }
  std::string names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const GraphPort& port = ports[i];
    if (port.name == name) {
      return i;
    }
    names += (i == 0 ? "'" : ", '") + port.name + "'";
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!name.empty() && std::ranges::find(ports[i].aliases, name) != ports[i].aliases.end()) {
      return i;
    }
  }
  if (name.empty()) {
    fail(ErrorCode::kNotFound, "the model has {} {}s ({}); name one", ports.size(), what, names);
  }
  fail(ErrorCode::kNotFound, "the model has no {} '{}'; it has {}", what, name, names);
}

}  // namespace fovea
