#include "tools/bench/layers.hpp"

#include <algorithm>
#include <map>

#include "engine/base/text.hpp"
#include "tools/inspect/figures.hpp"

namespace fovea::tools {
namespace {

/// What a node computes and moves.
struct Cost {
  double operations = 0;
  double bytes = 0;
};

std::map<std::string, Cost> node_costs(const Graph& graph) {
  std::map<std::string, Cost> costs;
  for (const Node& node : graph.nodes) {
    Cost cost{.operations = node_operations(graph, node).value_or(0)};
    for (const auto* values : {&node.inputs, &node.outputs}) {
      for (const ValueId id : *values) {
        if (id != kNone && is_static(graph.value(id).type.shape)) {
          cost.bytes += static_cast<double>(byte_size(graph.value(id).type));
        }
      }
    }
    costs[node.name] = cost;
  }
  return costs;
}

}  // namespace

LayerReport measure_layers(const CompiledModel& compiled, const Graph& graph, const GivenInputs& given,
                           std::chrono::nanoseconds duration) {
  LayerReport report;
  const std::map<std::string, Cost> costs = node_costs(graph);
  for (StepTime& step : measure_steps(compiled, given, duration)) {
    const auto cost = costs.find(step.step.node);
    const bool own = cost != costs.end() && step.step.op != "Reorder" && step.step.op != "PostOps";
    const Cost own_cost = own ? cost->second : Cost();
    report.layers.push_back({std::move(step), own_cost.operations, own_cost.bytes});
  }
  const std::int64_t streams = parse_int(compiled.get_property("NUM_STREAMS")).value_or(1);
  const std::int64_t threads = parse_int(compiled.get_property("INFERENCE_NUM_THREADS")).value_or(1);
  report.peaks =
      measure_peaks(static_cast<int>(std::max<std::int64_t>(1, threads / std::max<std::int64_t>(1, streams))));
  return report;
}

}  // namespace fovea::tools
