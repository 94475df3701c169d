// Builds a graph operator by operator for frontends whose formats are not OpenVINO's: attributes by name, types
// inferred at once, small results known at once.
#pragma once

#include <any>
#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea::importer {

/// One attribute of an operator, under the name OpDef gives it. Numbers keep their exact value.
struct Attribute {
  std::string name;
  std::string text;

  template <class T>
  Attribute(std::string_view attribute, const T& value) : name(attribute), text(as_text(value)) {}

 private:
  template <class T>
  static std::string as_text(const T& value) {
    if constexpr (std::same_as<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_arithmetic_v<T>) {
      return fmt::format("{}", value);
    } else if constexpr (std::same_as<T, DataType>) {
      return std::string(to_string(value));
    } else if constexpr (std::convertible_to<T, std::string_view>) {
      return std::string(value);
    } else {
      std::string list;
      for (const auto& element : value) {
        list += (list.empty() ? "" : ",") + fmt::format("{}", element);
      }
      return list;
    }
  }
};

using Attributes = std::vector<Attribute>;
using Ints = std::vector<std::int64_t>;

/// \return `dims` as a shape. Extents below 0 become kDynamic where `allow_dynamic`.
/// \param where  "layer 'x'" for the message.
/// \throws Error{kInvalidModel} for more than 16 axes, an extent below 0 or more than 2^40 elements.
Shape checked_shape(const Ints& dims, std::string_view where, bool allow_dynamic = false);

/// A graph under construction. Nodes must be added after what they read. What a file can make large is bounded: nodes,
/// bytes of names, of constants and of results known while building; what goes beyond ends in Error{kUnsupported}.
/// Thread-compatible.
class GraphBuilder {
 public:
  /// What was made so far, by all builders of a model together.
  struct Use {
    std::uint64_t source_bytes = 0;
    std::uint64_t nodes = 0;
    std::uint64_t name_bytes = 0;
    std::uint64_t constant_bytes = 0;
    std::uint64_t evaluated_bytes = 0;
    std::set<const void*> counted;  ///< Memory of constants: several may share one.
  };

  GraphBuilder() : GraphBuilder(std::make_shared<Use>()) {}
  /// \param use  Of the model's other builders: for the bodies of control flow.
  explicit GraphBuilder(std::shared_ptr<Use> use) : use_(std::move(use)) {}
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  /// Bytes of the model's files: constants may take some times as much and a fixed amount on top.
  void set_source_bytes(std::uint64_t bytes) { use_->source_bytes = bytes; }
  [[nodiscard]] const std::shared_ptr<Use>& use() const { return use_; }

  ValueId input(const std::string& name, TensorType type, std::string_view layout = {});
  /// Another name for the input added last.
  void add_input_alias(const std::string& alias) { graph_.inputs.back().aliases.push_back(alias); }
  ValueId constant(const std::string& name, Tensor tensor);
  /// An i64 list [n].
  ValueId ints(const Ints& values);
  /// An i64 of rank 0.
  ValueId int_scalar(std::int64_t value);
  /// An f32 of rank 0.
  ValueId scalar(float value);

  /// Adds a node and infers its types.
  /// \param op      OpDef::name.
  /// \param name    Of the node; made unique. Empty between begin_node and finish_node: given there.
  /// \param opset   The operator's version; 0: its newest.
  /// \return The first output.
  /// \throws Error{kInvalidModel, kUnsupported} naming the node that does not accept its inputs.
  ValueId add(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs,
              const Attributes& attributes = {}, int opset = 0);
  /// As `add`, with this many outputs.
  std::vector<ValueId> add_many(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs,
                                std::size_t outputs, const Attributes& attributes = {}, int opset = 0);
  /// As `add_many`, for operators whose attributes are no text: those with bodies.
  std::vector<ValueId> add_prepared(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs,
                                    std::size_t outputs, std::any attributes);

  /// Begins the nodes that one node of the file becomes; they are added without a name.
  void begin_node(const std::string& name) { node_name_ = name; }
  [[nodiscard]] const std::string& node_name() const { return node_name_; }
  /// Gives the nodes added since begin_node unique names: the one that computes `result` the file's own, the others
  /// that name with their operator's behind it.
  void finish_node(ValueId result);

  // Short forms of what most formats need.
  ValueId reshape(const std::string& name, ValueId value, const Ints& pattern, bool special_zero = true);
  ValueId transpose(const std::string& name, ValueId value, const Ints& order);
  ValueId convert(const std::string& name, ValueId value, DataType type);
  /// Elements [begin, end) of one axis.
  ValueId slice(const std::string& name, ValueId value, std::int64_t axis, std::int64_t begin, std::int64_t end);

  void output(ValueId value, std::string_view name, std::string_view layout = {});

  [[nodiscard]] const TensorType& type(ValueId value) const { return graph_.value(value).type; }
  [[nodiscard]] DataType data_type(ValueId value) const { return type(value).data_type; }
  [[nodiscard]] const Shape& shape(ValueId value) const { return type(value).shape; }
  [[nodiscard]] std::size_t rank(ValueId value) const { return shape(value).size(); }
  /// The content: of a constant, or of a small result that depends on constants and static shapes only. Valid until
  /// something is added.
  [[nodiscard]] const Tensor* known(ValueId value) const;
  /// Values of a known integer list or scalar.
  /// \param what  For the message: "node 'x': axes".
  /// \throws Error{kUnsupported} when it is not known.
  [[nodiscard]] Ints known_ints(ValueId value, std::string_view what) const;

  [[nodiscard]] const Graph& graph() const { return graph_; }
  /// The finished, verified graph without nodes that nothing reads.
  Graph finish(const std::string& name);

 private:
  Node begin(std::string_view op, const std::string& name, const std::vector<ValueId>& inputs);
  std::vector<ValueId> add_built(Node node, const std::string& name, std::size_t outputs);
  std::string unique_name(const std::string& name);
  void rename(Node& node, const std::string& name);
  void evaluate_small(const Node& node, const std::vector<TensorType>& types);

  Graph graph_;
  std::map<ValueId, Tensor> evaluated_;
  std::set<std::string> names_;
  std::map<std::string, int> next_suffix_;
  std::string node_name_;
  std::size_t first_unnamed_ = 0;
  std::shared_ptr<Use> use_;
};

}  // namespace fovea::importer
