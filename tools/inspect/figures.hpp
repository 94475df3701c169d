// What a model costs: operations, parameters, bytes of weights and the memory of one run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/graph/graph.hpp"

namespace fovea::tools {

struct ModelFigures {
  double operations = 0;                             ///< Of one run; see node_operations. Nodes of unknown shape: 0.
  std::size_t unknown_nodes = 0;                     ///< Nodes whose shapes are not static: not in `operations`.
  std::size_t parameters = 0;                        ///< Elements of floating-point and 8-bit constants.
  std::map<std::string, std::size_t> weight_bytes;   ///< By element type: {"f32", 1234}.
  std::map<std::string, int> operators;              ///< Nodes by operator.
  std::map<std::string, double> operations_by_type;  ///< By operator, those that count only.
  std::map<std::string, int> nodes_by_precision;     ///< By element type of the first output.
  double quantised_operations = 0;         ///< Of convolutions and matrix products whose data a FakeQuantize made.
  std::optional<std::size_t> peak_bytes;   ///< Largest sum of tensors alive at once; nullopt with dynamic shapes.
  std::optional<std::size_t> arena_bytes;  ///< Memory that holds them all, as the memory plan places them.
};

/// Operations of one node: 2 for each multiply-add of convolutions (transposed ones too) and matrix products; kernel
/// elements for each output of poolings; 1 for each input element of reductions; 1 for each output element of
/// element-wise operators and 2 of BatchNormInference; 0 for the rest. nullopt when a shape is not static.
std::optional<double> node_operations(const Graph& graph, const Node& node);

ModelFigures model_figures(const Graph& graph);

}  // namespace fovea::tools
