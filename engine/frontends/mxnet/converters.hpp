// MXNet's operators as ours: one converter an operator.
// https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol/op/index.html
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/frontends/common/graph_builder.hpp"
#include "engine/frontends/mxnet/files.hpp"

namespace fovea::mxnet {

/// One node while it is converted.
struct NodeContext {
  const SymbolNode& node;
  importer::GraphBuilder& graph;
  std::vector<ValueId> inputs;  ///< kNone for labels, which only training has.

  [[nodiscard]] const std::string& name() const { return node.name; }
  /// \throws Error{kInvalidModel} when it is missing.
  [[nodiscard]] ValueId input(std::size_t i = 0) const;
  /// A parameter. \throws Error{kUnsupported} when it is computed.
  [[nodiscard]] const Tensor& parameter(std::size_t i, std::string_view what) const;
  [[nodiscard]] const Shape& shape(std::size_t i = 0) const { return graph.shape(input(i)); }

  /// Attributes as MXNet writes them: "True", "(3, 3)", "0.5". \throws Error{kInvalidModel} for another form.
  [[nodiscard]] std::string text(std::string_view attribute, std::string_view fallback) const;
  [[nodiscard]] bool flag(std::string_view attribute, bool fallback) const;
  [[nodiscard]] double number(std::string_view attribute, double fallback) const;
  [[nodiscard]] std::int64_t integer(std::string_view attribute, std::int64_t fallback) const;
  /// Empty for an absent attribute, "()" and "None".
  [[nodiscard]] importer::Ints list(std::string_view attribute) const;
  [[nodiscard]] std::size_t axis(std::string_view attribute, std::int64_t fallback) const;
};

/// \return The node's outputs. \throws Error{kInvalidModel, kUnsupported}; the caller adds the node's name.
using Converter = std::vector<ValueId> (*)(const NodeContext& context);
using Converters = std::map<std::string, Converter, std::less<>>;

void add_layer_ops(Converters& converters);  ///< Convolution, pooling, normalisation, activation.
void add_basic_ops(Converters& converters);  ///< Arithmetic, movement of data, reductions.

/// By operator.
const Converters& all_converters();

/// The converter of an operator, or nullptr.
Converter find_converter(std::string_view op);

}  // namespace fovea::mxnet
