// Graphs, or the part of them whose shapes depend on data, run by the reference interpreter behind a device.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/ops/interpreter.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {

/// Compiles a graph of static inputs. A device that needs all sizes ahead gets the nodes before the first one whose
/// shape depends on data; that node and all that hang on it are interpreted behind it, on the same lane.
/// \throws what Plugin::compile throws.
std::unique_ptr<Executable> compile_run_time_shapes(Graph graph, const Plugin& plugin, const Properties& properties);

/// Stops at `cancel` and, when `profile` is given, appends a step a node. Both must outlive the run.
RunObserver observe_run(const CancelFlag& cancel, std::vector<StepProfile>* profile, std::string_view kernel);

/// A step a node, for Executable::steps.
std::vector<StepInfo> interpreter_steps(const Graph& graph, std::string_view kernel);

}  // namespace fovea
