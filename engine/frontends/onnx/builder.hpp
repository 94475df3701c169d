// Builds our graph node by node while an ONNX graph is imported; types are known at every step.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ops/shape_inference.hpp"

namespace fovea::onnx {

/// An attribute of one of our operators, written as IR writes it.
struct Attribute {
  std::string name;
  std::string value;

  Attribute(std::string_view key, const char* text) : name(key), value(text) {}
  Attribute(std::string_view key, std::string_view text) : name(key), value(text) {}
  Attribute(std::string_view key, bool flag) : name(key), value(flag ? "true" : "false") {}
  Attribute(std::string_view key, std::int64_t number) : name(key), value(std::to_string(number)) {}
  Attribute(std::string_view key, double number) : name(key), value(fmt::format("{}", number)) {}
  Attribute(std::string_view key, DataType type) : name(key), value(to_string(type)) {}
  Attribute(std::string_view key, const std::vector<std::int64_t>& list);
};

struct NodeOptions {
  std::size_t outputs = 1;
  int version = 0;  ///< Opset whose form of the operator is meant; 0: the newest we know.
};

/// Owned by one import. Thread-compatible.
class Builder {
 public:
  Builder() : inference_(graph_) {}
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  ValueId add_input(const std::string& name, TensorType type);
  ValueId constant(std::string_view name, Tensor tensor);

  /// Appends nodes under the name of the imported node; see finish_node.
  std::vector<ValueId> add_node(std::string_view op, const std::vector<ValueId>& inputs,
                                const std::vector<Attribute>& attributes, const NodeOptions& options);
  ValueId add(std::string_view op, const std::vector<ValueId>& inputs, const std::vector<Attribute>& attributes = {}) {
    return add_node(op, inputs, attributes, {}).front();
  }

  /// Begins the nodes of one imported node.
  void begin_node(const std::string& name) { name_ = name; }
  [[nodiscard]] const std::string& node_name() const { return name_; }
  /// Gives the nodes added since begin_node unique names: the one that computes `result` the imported node's own, the
  /// others that name with their operator's behind it.
  void finish_node(ValueId result);

  [[nodiscard]] const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  [[nodiscard]] const Shape& shape(ValueId id) const { return type(id).shape; }
  [[nodiscard]] std::size_t rank(ValueId id) const { return shape(id).size(); }
  [[nodiscard]] DataType data_type(ValueId id) const { return type(id).data_type; }
  /// Content known at import, or nullptr. Valid until something is added.
  [[nodiscard]] const Tensor* known(ValueId id) const { return id == kNone ? nullptr : inference_.known(id); }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] Graph& graph() { return graph_; }
  /// Hands the graph over; the builder is spent.
  Graph take() { return std::move(graph_); }

 private:
  std::string unique_name(const std::string& name);

  Graph graph_;
  ShapeInference inference_;
  std::string name_;
  std::size_t first_unnamed_ = 0;
  std::set<std::string> names_;
  std::map<std::string, int> next_suffix_;
};

}  // namespace fovea::onnx
