// Imports the graph of a parsed ONNX model into ours: order, names, constants, sub-graphs, and one report of what is
// not supported.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/frontends/common/graph_builder.hpp"
#include "engine/frontends/onnx/tensors.hpp"

namespace fovea::onnx {

namespace proto {
class FunctionProto;
class GraphProto;
class ModelProto;
class NodeProto;
class ValueInfoProto;
}  // namespace proto

/// What a quantised value was made from, so that dequantising it can be seen as one step with quantising.
struct QuantisedFrom {
  ValueId source = kNone;  ///< The real values.
  ValueId scale = kNone;
  ValueId zero = kNone;   ///< kNone: 0.
  std::int64_t axis = 1;  ///< Of scales and zero points with several values.
};

/// A body of control flow made of a sub-graph.
struct BuiltBody {
  Graph graph;
  std::vector<ValueId> captured;  ///< Values of the graph around it that feed the inputs behind the body's own.
};

/// Adds nodes to a body that turn values into others.
using AdaptValues = std::function<std::vector<ValueId>(importer::GraphBuilder&, const std::vector<ValueId>&)>;

/// Used once. The messages must outlive it.
class Importer {
 public:
  Importer(const proto::ModelProto& model, TensorReader& tensors);

  /// \throws Error{kInvalidModel, kUnsupported, kNotFound}; unsupported operators are all named at once.
  Graph run();

  /// Imports a sub-graph in place, as control flow with a known outcome needs it.
  /// \param inputs  Values for the sub-graph's own inputs.
  /// \return The values of its outputs.
  std::vector<ValueId> inline_graph(const proto::GraphProto& graph, const std::vector<ValueId>& inputs);

  /// Imports a sub-graph as a graph of its own. What it reads of the graphs around it becomes further inputs, or
  /// constants where it is known.
  /// \param inputs   Types of the body's own inputs.
  /// \param prepare  Makes the sub-graph's inputs of the body's own.
  /// \param finish   Makes the body's outputs of the sub-graph's.
  /// \throws Error{kUnsupported} also for bodies nested too deep.
  BuiltBody build_body(const proto::GraphProto& graph, const std::vector<TensorType>& inputs,
                       const AdaptValues& prepare, const AdaptValues& finish);

  void remember_quantised(ValueId value, const QuantisedFrom& from) { levels_.back().quantised[value] = from; }
  /// nullptr when the value was not quantised by a node of this graph.
  [[nodiscard]] const QuantisedFrom* find_quantised(ValueId value) const {
    const auto& quantised = levels_.back().quantised;
    const auto found = quantised.find(value);
    return found == quantised.end() ? nullptr : &found->second;
  }

 private:
  /// A graph under construction: the model's, or a body's in the one before.
  struct Level {
    Level() = default;
    Level(const std::shared_ptr<importer::GraphBuilder::Use>& use, std::size_t scope)
        : builder(use), first_scope(scope) {}

    importer::GraphBuilder builder;
    std::size_t first_scope = 0;          ///< Scopes from here on name values of this graph.
    std::map<ValueId, ValueId> captured;  ///< Value of the graph around → value of this one.
    std::vector<ValueId> captures;        ///< Those of them that are inputs, in order.
    std::map<ValueId, QuantisedFrom> quantised;
  };

  /// Names visible in one graph; those of enclosing graphs are found too.
  using Scope = std::map<std::string, ValueId, std::less<>>;

  void check_operators();
  /// Counts what is about to be gone through. \throws Error{kUnsupported} when it is too much.
  void count_work(int parts);
  void add_inputs(const proto::GraphProto& graph);
  void add_initializers(const proto::GraphProto& graph);
  void add_nodes(const proto::GraphProto& graph);
  void add_node(const proto::NodeProto& node);
  std::vector<ValueId> convert(const proto::NodeProto& node, const std::vector<ValueId>& inputs);
  std::vector<ValueId> call(const proto::FunctionProto& function, const proto::NodeProto& node,
                            const std::vector<ValueId>& inputs);
  [[nodiscard]] const proto::FunctionProto* find_function(const proto::NodeProto& node) const;
  void define(const std::string& name, ValueId value);
  [[nodiscard]] ValueId look_up(const std::string& name, const std::string& reader);
  ValueId capture(std::size_t level, ValueId outer);
  [[nodiscard]] importer::GraphBuilder& builder() { return levels_.back().builder; }
  [[nodiscard]] int opset_of(const std::string& domain) const;

  const proto::ModelProto& model_;
  TensorReader& tensors_;
  std::deque<Level> levels_;                        ///< Converters hold on to builders.
  std::map<std::string, int, std::less<>> opsets_;  ///< By domain; "" is ONNX's.
  std::vector<Scope> scopes_;
  std::map<std::pair<std::string, std::string>, const proto::FunctionProto*> functions_;  ///< By domain and name.
  std::uint64_t work_ = 0;
  std::uint64_t body_bytes_ = 0;  ///< Of functions, copied for each call.
  int call_depth_ = 0;
};

}  // namespace fovea::onnx
