// A compiled model with its requests, shared by the elements that name the same one.
#pragma once

#include <memory>
#include <string>

#include "elements/inference/settings.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/request_pool.hpp"

namespace fovea {

/// Immutable but for the pool, which is thread-safe. The process keeps one Core as long as any of these lives.
struct SharedModel {
  std::shared_ptr<Core> core;
  CompiledModel compiled;
  std::size_t requests = 1;
  std::unique_ptr<RequestPool> pool;  ///< Last: jobs end before the rest goes.
};

/// The model an element asks for: the one in use under the same model-instance-id (or, without an id, with the same
/// file, device and options), else a new one.
/// \throws Error{kInvalidArgument} when the id is in use with other settings, naming both elements and the setting;
///         what reading and compiling throw.
std::shared_ptr<SharedModel> acquire_model(const InferenceSettings& settings);

}  // namespace fovea
