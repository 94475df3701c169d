// TensorFlow's operators as ours: one converter an operator, and what they share.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/frontends/common/nhwc.hpp"
#include "engine/frontends/tensorflow/checkpoint.hpp"
#include "engine/frontends/tensorflow/graph_def.hpp"

namespace fovea::tensorflow {

class Importer;

/// One node while it is converted.
class NodeContext {
 public:
  NodeContext(Importer& importer, const NodeDef& node) : importer_(importer), node_(node) {}

  [[nodiscard]] const NodeDef& node() const { return node_; }
  [[nodiscard]] const std::string& name() const { return node_.name(); }
  [[nodiscard]] importer::NhwcBuilder& nhwc() const;
  [[nodiscard]] importer::GraphBuilder& graph() const;
  [[nodiscard]] Importer& importer() const { return importer_; }

  /// Inputs without those that only order nodes.
  [[nodiscard]] std::size_t input_count() const;
  /// \throws Error{kInvalidModel} when it is missing.
  [[nodiscard]] importer::Ref input(std::size_t i) const;
  /// Values of a constant integer input.
  [[nodiscard]] importer::Ints ints(std::size_t i, std::string_view what) const;
  [[nodiscard]] std::int64_t single_int(std::size_t i, std::string_view what) const;
  /// An input known when the model is read.
  [[nodiscard]] const Tensor& known(std::size_t i, std::string_view what) const;

  /// Attributes; `fallback` where the node has none.
  [[nodiscard]] std::int64_t int_attr(const std::string& attribute, std::int64_t fallback) const;
  [[nodiscard]] float float_attr(const std::string& attribute, float fallback) const;
  [[nodiscard]] bool bool_attr(const std::string& attribute, bool fallback) const;
  [[nodiscard]] std::string text_attr(const std::string& attribute, const std::string& fallback) const;
  [[nodiscard]] importer::Ints list_attr(const std::string& attribute) const;
  [[nodiscard]] DataType type_attr(const std::string& attribute, DataType fallback) const;

  /// Images are [N,C,H,W] in the file.
  [[nodiscard]] bool is_nchw() const { return text_attr("data_format", "NHWC") == "NCHW"; }
  /// An input that is an image in the node's data_format; and a result to be given back in it.
  [[nodiscard]] importer::Ref image(std::size_t i) const;
  [[nodiscard]] importer::Ref from_image(importer::Ref value) const;
  /// Height and width of a list in the node's data_format; {1, 1} for an empty one.
  [[nodiscard]] importer::Ints spatial(const importer::Ints& list, std::string_view what) const;

  [[nodiscard]] std::vector<importer::Ref> one(importer::Ref value) const { return {value}; }

 private:
  [[nodiscard]] const AttrValue* find(const std::string& attribute) const;

  Importer& importer_;
  const NodeDef& node_;
};

/// \return The node's outputs. \throws Error{kInvalidModel, kUnsupported}; the caller adds the node's name.
using Converter = std::vector<importer::Ref> (*)(const NodeContext& context);
using Converters = std::map<std::string, Converter, std::less<>>;

void add_image_ops(Converters& converters);  ///< Convolutions, poolings, normalisation, resizing, blocks.
void add_math_ops(Converters& converters);   ///< Activations, arithmetic, reductions, matrix products.
void add_shape_ops(Converters& converters);  ///< Movement of data, constants, variables.

/// By operator.
const Converters& all_converters();

/// The converter of an operator, or nullptr.
Converter find_converter(std::string_view op);

class Importer {
 public:
  /// \param variables  Folder of the checkpoint; read when a node needs it.
  Importer(const LoadedGraph& loaded, std::filesystem::path variables);

  /// \throws Error{kUnsupported} naming all operators that are not supported; Error{kInvalidModel}.
  Graph build(const std::string& name);

  // For NodeContext.
  [[nodiscard]] importer::Ref value(const std::string& tensor) const;
  [[nodiscard]] Tensor variable(const std::string& name);
  importer::GraphBuilder& graph() { return graph_; }
  importer::NhwcBuilder& nhwc() { return nhwc_; }

 private:
  void check_operators(const std::vector<std::size_t>& order) const;
  void add_placeholder(const NodeDef& node);
  [[nodiscard]] Shape guess_shape(const std::string& placeholder);
  void add_output(const PortName& port);

  const LoadedGraph& loaded_;
  std::map<std::string, std::vector<const NodeDef*>> readers_;  ///< Of a node's outputs, as their first input.
  std::map<std::string, const NodeDef*> by_name_;
  std::filesystem::path variables_;
  std::unique_ptr<Checkpoint> checkpoint_;
  importer::GraphBuilder graph_;
  importer::NhwcBuilder nhwc_;
  std::map<std::string, std::vector<importer::Ref>, std::less<>> values_;  ///< Outputs by node.
};

}  // namespace fovea::tensorflow
