// What CompiledModel holds; shared by core.cpp, compiled_model.cpp and infer_request.cpp only.
#pragma once

#include "engine/runtime/core.hpp"

namespace fovea {

struct CompiledModel::State {
  Model model;
  std::string device;
  Properties properties;  ///< Complete.
  LaneUse lane_use;
  std::shared_ptr<const Executable> executable;
  std::shared_ptr<Scheduler> scheduler;  ///< Kept alive for the requests.
};

}  // namespace fovea
