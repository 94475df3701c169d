// Types of all values of a graph from the types of its inputs, through shape sub-graphs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/ops/op_def.hpp"

namespace fovea {

/// What becomes of a node whose types hang on contents that are not known before the model runs.
enum class UnknownTypes : std::uint8_t {
  kRefuse,  ///< NotKnownYet.
  kDefer,   ///< Its outputs have kUnknownRank (and the element type they had), as has everything computed from them.
};

/// Infers every node anew, in order; unknown types are deferred to run time. Small results that depend on constants and
/// static shapes only (ShapeOf → Gather → Concat …) are evaluated on the way, so that Reshape, Interpolate and the like
/// see their targets. \throws Error{kInvalidModel, kUnsupported} naming the node that does not accept its inputs.
void infer_shapes(Graph& graph);

/// The same, node by node: for whoever builds a graph and wants to know the types so far. The graph must outlive it.
class ShapeInference {
 public:
  explicit ShapeInference(Graph& graph, UnknownTypes unknown = UnknownTypes::kRefuse)
      : graph_(graph), unknown_(unknown) {}

  /// Infers the types of the node's outputs; those of its inputs must be known.
  void infer(const Node& node);

  /// Content of a constant or of a small result evaluated on the way, or nullptr. Valid until the graph grows.
  [[nodiscard]] const Tensor* known(ValueId id) const;

 private:
  std::vector<TensorType> types_of(const Node& node) const;
  void evaluate_small(const Node& node);

  Graph& graph_;
  UnknownTypes unknown_;
  std::map<ValueId, Tensor> evaluated_;
  std::uint64_t evaluated_bytes_ = 0;
};

/// Gives inputs other shapes (by port name or alias) and infers everything anew.
/// \throws Error{kNotFound} for an unknown input, Error{kInvalidModel} when the graph does not accept the shapes.
void reshape(Graph& graph, const std::map<std::string, Shape>& input_shapes);

/// Some value's shape is not known before the graph runs.
bool has_run_time_shapes(const Graph& graph);

/// Evaluates a node whose inputs are all known, or whose result depends on static input shapes only.
/// \param known  Content of a value, or nullptr.
/// \return nullopt when something is not known.
std::optional<std::vector<Tensor>> try_evaluate(const Graph& graph, const Node& node,
                                                const std::function<const Tensor*(ValueId)>& known);

}  // namespace fovea
