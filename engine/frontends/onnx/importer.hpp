// Imports the graph of a parsed ONNX model into ours: order, names, constants, sub-graphs, and one report of what is
// not supported.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/frontends/onnx/builder.hpp"
#include "engine/frontends/onnx/tensors.hpp"

namespace fovea::onnx {

namespace proto {
class GraphProto;
class ModelProto;
class NodeProto;
class ValueInfoProto;
}  // namespace proto

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

 private:
  /// Names visible in one graph; those of enclosing graphs are found too.
  using Scope = std::map<std::string, ValueId, std::less<>>;

  void check_operators(const proto::GraphProto& graph);
  void add_inputs(const proto::GraphProto& graph);
  void add_initializers(const proto::GraphProto& graph);
  void add_nodes(const proto::GraphProto& graph);
  void add_node(const proto::NodeProto& node);
  void define(const std::string& name, ValueId value);
  [[nodiscard]] ValueId look_up(const std::string& name, const std::string& reader) const;
  [[nodiscard]] int opset_of(const std::string& domain) const;

  const proto::ModelProto& model_;
  TensorReader& tensors_;
  Builder builder_;
  std::map<std::string, int, std::less<>> opsets_;  ///< By domain; "" is ONNX's.
  std::vector<Scope> scopes_;
};

}  // namespace fovea::onnx
