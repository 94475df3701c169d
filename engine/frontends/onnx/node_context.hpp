// What the conversion of one ONNX node sees: the node's inputs and attributes, and the graph being built.
#pragma once

#include <any>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::onnx {

namespace proto {
class AttributeProto;
class GraphProto;
class NodeProto;
}  // namespace proto
class TensorReader;
class Importer;

using importer::Attribute;

struct NodeOptions {
  std::size_t outputs = 1;
  int version = 0;  ///< Opset whose form of the operator is meant; 0: the newest we know.
};

/// Lives for one conversion. Attribute reads throw Error{kInvalidModel} when the attribute has another type.
class NodeContext {
 public:
  NodeContext(const proto::NodeProto& node, std::vector<ValueId> inputs, int opset, importer::GraphBuilder& builder,
              TensorReader& tensors, Importer& importer);

  /// "node 'conv_12' (Conv)": the beginning of messages.
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] const std::string& op_type() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Version of the operator's domain that the model was written for.
  [[nodiscard]] int opset() const { return opset_; }

  [[nodiscard]] std::size_t input_count() const { return inputs_.size(); }
  [[nodiscard]] bool has_input(std::size_t i) const { return i < inputs_.size() && inputs_[i] != kNone; }
  /// \throws Error{kInvalidModel} when the input is absent.
  [[nodiscard]] ValueId input(std::size_t i) const;
  [[nodiscard]] const std::vector<ValueId>& inputs() const { return inputs_; }
  [[nodiscard]] std::size_t output_count() const;
  /// The output has a name: somebody may read it.
  [[nodiscard]] bool wants_output(std::size_t i) const;

  [[nodiscard]] bool has_attribute(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  [[nodiscard]] bool flag(std::string_view name, bool fallback) const { return integer(name, fallback ? 1 : 0) != 0; }
  [[nodiscard]] double real(std::string_view name, double fallback) const;
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback) const;
  /// Empty when absent.
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const;
  [[nodiscard]] std::vector<double> reals(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  /// An integer attribute that is a number of ONNX's list of element types.
  [[nodiscard]] DataType attribute_type(std::string_view name) const;
  /// A dense or sparse tensor. \throws Error{kInvalidModel} when absent.
  [[nodiscard]] Tensor tensor(std::string_view name) const;
  /// \throws Error{kInvalidModel} when absent.
  [[nodiscard]] const proto::GraphProto& subgraph(std::string_view name) const;

  [[noreturn]] void invalid(const std::string& what) const { fail(ErrorCode::kInvalidModel, "{} {}", where_, what); }
  [[noreturn]] void unsupported(const std::string& what) const { fail(ErrorCode::kUnsupported, "{} {}", where_, what); }

  ValueId add(std::string_view op, const std::vector<ValueId>& inputs, const std::vector<Attribute>& attributes = {}) {
    return builder_.add(op, {}, inputs, attributes);
  }
  std::vector<ValueId> add_node(std::string_view op, const std::vector<ValueId>& inputs,
                                const std::vector<Attribute>& attributes, const NodeOptions& options) {
    return builder_.add_many(op, {}, inputs, options.outputs, attributes, options.version);
  }

  /// A node whose attributes are bodies; as many outputs as asked for.
  std::vector<ValueId> add_bodies(std::string_view op, const std::vector<ValueId>& inputs, std::size_t outputs,
                                  std::any bodies) {
    return builder_.add_prepared(op, {}, inputs, outputs, std::move(bodies));
  }

  ValueId constant(Tensor tensor) { return builder_.constant(name_ + "/constant", std::move(tensor)); }
  ValueId integer_list(const std::vector<std::int64_t>& values);  ///< i64[n]
  ValueId integer_scalar(std::int64_t value);                     ///< i64[]
  /// A rank-0 constant of this element type.
  ValueId scalar(DataType type, double value);
  /// The value reshaped to constant extents; itself when nothing changes. Among extents with a -1, which is what
  /// remains, a 0 copies the value's extent.
  ValueId reshape(ValueId value, const Shape& shape);
  /// The value converted; itself when it has the type.
  ValueId convert(ValueId value, DataType type);
  /// The value with its axes in this order.
  ValueId transpose(ValueId value, const std::vector<std::int64_t>& order);
  /// Axes dropped and inserted; axes count from the front.
  ValueId squeeze(ValueId value, const std::vector<std::int64_t>& axes);
  ValueId unsqueeze(ValueId value, const std::vector<std::int64_t>& axes);

  /// \throws Error{kUnsupported} when not even the rank is known.
  [[nodiscard]] const Shape& shape(ValueId id) const;
  [[nodiscard]] std::size_t rank(ValueId id) const { return shape(id).size(); }
  [[nodiscard]] const TensorType& type(ValueId id) const { return builder_.type(id); }
  [[nodiscard]] DataType data_type(ValueId id) const { return builder_.data_type(id); }
  /// The node of ours that computes the value, or nullptr. Valid until something is added.
  [[nodiscard]] const Node* producer(ValueId id) const {
    const NodeId node = builder_.graph().value(id).producer;
    return node == kNone ? nullptr : &builder_.graph().node(node);
  }
  [[nodiscard]] const Tensor* known(ValueId id) const { return builder_.known(id); }
  /// Values of an input known at import, or nullopt (also when it is absent).
  [[nodiscard]] std::optional<std::vector<std::int64_t>> known_integers(std::size_t i) const;
  [[nodiscard]] std::optional<std::vector<double>> known_reals(std::size_t i) const;
  /// The same, or Error{kUnsupported} asking for a constant `what`.
  [[nodiscard]] std::vector<std::int64_t> constant_integers(std::size_t i, std::string_view what) const;
  [[nodiscard]] std::vector<double> constant_reals(std::size_t i, std::string_view what) const;
  /// The same for inputs that hold exactly one value.
  [[nodiscard]] std::int64_t constant_integer(std::size_t i, std::string_view what) const;
  [[nodiscard]] double constant_real(std::size_t i, std::string_view what) const;

  /// `axis` counted from the front. \throws Error{kInvalidModel} unless it is in [-rank, rank).
  [[nodiscard]] std::int64_t normal_axis(std::int64_t axis, std::size_t axis_rank) const;
  /// [0, rank)
  [[nodiscard]] static std::vector<std::int64_t> all_axes(std::size_t axis_rank, std::int64_t first = 0);

  [[nodiscard]] Importer& importer() { return importer_; }

 private:
  [[nodiscard]] const proto::AttributeProto* find(std::string_view name) const;
  [[nodiscard]] const proto::AttributeProto* find(std::string_view name, int type, std::string_view expected) const;

  const proto::NodeProto& node_;
  std::vector<ValueId> inputs_;
  int opset_;
  importer::GraphBuilder& builder_;
  TensorReader& tensors_;
  Importer& importer_;
  std::string name_;
  std::string where_;
};

}  // namespace fovea::onnx
