#include "engine/runtime/compiled_model.hpp"

#include "engine/base/text.hpp"

namespace fovea {
namespace {

constexpr std::string_view kOptimalRequests = "OPTIMAL_NUMBER_OF_INFER_REQUESTS";
constexpr std::string_view kNetworkName = "NETWORK_NAME";

}  // namespace

const Model& CompiledModel::model() const { return state_->model; }
const std::string& CompiledModel::device() const { return state_->device; }
std::vector<StepInfo> CompiledModel::steps() const { return state_->executable->steps(); }

MemoryUse CompiledModel::memory() const { return state_->executable->memory(); }

std::string CompiledModel::get_property(std::string_view name) const {
  if (name == kOptimalRequests) {
    // One request waits while one runs on each lane, so that a lane never idles between two frames.
    return std::to_string(state_->lane_use.lanes + 1);
  }
  if (name == kNetworkName) {
    return state_->model.name;
  }
  const auto found = state_->properties.find(std::string(name));
  if (found == state_->properties.end()) {
    std::vector<std::string_view> names = {kOptimalRequests, kNetworkName};
    for (const auto& [known, value] : state_->properties) {
      names.push_back(known);
    }
    fail(ErrorCode::kNotFound, "unknown property '{}'{}", name, did_you_mean(name, names));
  }
  return found->second;
}

}  // namespace fovea
