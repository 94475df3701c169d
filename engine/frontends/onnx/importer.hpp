// Imports the graph of a parsed ONNX model into ours: order, names, constants, sub-graphs, and one report of what is
// not supported.
#pragma once

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

  void remember_quantised(ValueId value, const QuantisedFrom& from) { quantised_[value] = from; }
  /// nullptr when the value was not quantised by a node of this model.
  [[nodiscard]] const QuantisedFrom* find_quantised(ValueId value) const {
    const auto found = quantised_.find(value);
    return found == quantised_.end() ? nullptr : &found->second;
  }

 private:
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
  [[nodiscard]] ValueId look_up(const std::string& name, const std::string& reader) const;
  [[nodiscard]] int opset_of(const std::string& domain) const;

  const proto::ModelProto& model_;
  TensorReader& tensors_;
  importer::GraphBuilder builder_;
  std::map<std::string, int, std::less<>> opsets_;  ///< By domain; "" is ONNX's.
  std::vector<Scope> scopes_;
  std::map<ValueId, QuantisedFrom> quantised_;
  std::map<std::pair<std::string, std::string>, const proto::FunctionProto*> functions_;  ///< By domain and name.
  std::uint64_t work_ = 0;
  std::uint64_t body_bytes_ = 0;  ///< Of functions, copied for each call.
  int call_depth_ = 0;
};

}  // namespace fovea::onnx
