// Runs a graph with the operators' reference kernels, one node after another.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea {

/// Called around each node of a run. `before` may throw to stop it.
struct RunObserver {
  std::function<void(const Node&)> before = {};
  std::function<void(const Node&)> after = {};
};

/// Slow, runs everything. Shapes that are not known before the run are inferred on the way, from the contents computed
/// so far. Immutable, thread-safe.
class Interpreter {
 public:
  explicit Interpreter(std::shared_ptr<const Graph> graph);

  [[nodiscard]] const Graph& graph() const { return *graph_; }

  /// \param inputs  In the order of Graph::inputs, of their element types. Shapes may be others than declared: then
  ///                those of all nodes are inferred anew.
  /// \return In the order of Graph::outputs; may share memory with inputs and constants.
  /// \throws Error{kInvalidArgument, kInvalidModel, kUnsupported} naming the node that cannot run.
  [[nodiscard]] std::vector<Tensor> run(const std::vector<Tensor>& inputs, const RunObserver& observer = {}) const;

 private:
  std::shared_ptr<const Graph> graph_;
  std::vector<std::ptrdiff_t> last_use_;  ///< Node that reads a computed value last; -1: keep.
};

}  // namespace fovea
