// Passes: graph → graph, each in one file, run in the order of pipeline.cpp.
#pragma once

#include <span>
#include <string_view>

#include "engine/graph/graph.hpp"

namespace fovea {

struct Pass {
  std::string_view name;
  /// \return true if the graph changed. May leave dead nodes; the pipeline compacts.
  bool (*run)(Graph& graph) = nullptr;
  std::string_view effect = {};  ///< For people: what happened to the nodes that are gone or changed.
};

/// The device-independent passes in their order.
std::span<const Pass> standard_passes();

/// \throws Error{kInvalidModel} for an input with a dynamic shape, naming it.
void check_static_inputs(const Graph& graph);

/// Runs the standard passes once, verifying and compacting after each. All shapes must be static.
void optimise(Graph& graph);

/// f16 and bf16 tensors become f32, ports included: devices without such arithmetic compute in f32.
bool widen_floats(Graph& graph);

/// Floating types narrower than `target` (kF32 or kF64) become it, ports included.
bool widen_floats_to(Graph& graph, DataType target);

/// Nodes whose result is known at compile time become constants.
bool fold_constants(Graph& graph);

/// Nodes that return their input unchanged disappear.
bool remove_identities(Graph& graph);

/// x − c becomes x + (−c), x / c becomes x · (1/c), for constant c.
bool canonicalise_arithmetic(Graph& graph);

/// Per-channel factors before or after a convolution move into its weights and bias.
bool fuse_scale_into_weights(Graph& graph);

/// Element-wise followers (activation, bias, residual addition, per-channel factor) become post-ops of convolutions,
/// matrix products and element-wise nodes.
bool fuse_post_ops(Graph& graph);

}  // namespace fovea
