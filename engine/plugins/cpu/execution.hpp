// A compiled model on the CPU and its runs.
//
// Inputs and outputs belong to the request; everything between lies in an arena that a run borrows. A step is bound to
// addresses once for each arena, those that touch inputs or outputs once for each request and arena.
#pragma once

#include <memory>

#include "engine/plugins/cpu/compiler.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea::cpu {

std::unique_ptr<Executable> make_executable(std::shared_ptr<const Program> program);

}  // namespace fovea::cpu
