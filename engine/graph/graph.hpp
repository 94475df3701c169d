// The computation as a plain value: nodes and values in vectors, referred to by integer ids.
#pragma once

#include <any>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/tensor.hpp"

namespace fovea {

struct OpDef;

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr std::int32_t kNone = -1;

/// A small element-wise step that a device applies to a node's first output right after computing it.
/// Its formula is `apply()` in ops/elementwise.hpp; alpha and beta are the formula's constants.
enum class PostOpKind : std::uint8_t {
  kRelu,   ///< x for x ≥ 0, alpha·x otherwise
  kElu,    ///< x for x ≥ 0, alpha·(exp(x)−1) otherwise
  kClamp,  ///< min(max(x, alpha), beta)
  kSigmoid,
  kTanh,
  kExp,
  kAbs,
  kSqrt,
  kSwish,     ///< x·sigmoid(alpha·x)
  kHSwish,    ///< x·min(max(x+3, 0), 6)/6
  kHSigmoid,  ///< min(max(alpha·x+beta, 0), 1)
  kMish,      ///< x·tanh(ln(1+exp(x)))
  kSoftPlus,  ///< ln(1+exp(x))
  kGeluErf,
  kGeluTanh,
  kLinear,    ///< alpha·x + beta
  kAdd,       ///< x + operand
  kMultiply,  ///< x · operand
  kPRelu,     ///< x for x ≥ 0, operand·x otherwise
};

struct PostOp {
  PostOpKind kind = PostOpKind::kRelu;
  float alpha = 0;
  float beta = 0;
  /// For kAdd, kMultiply, kPRelu: index into the node's inputs. The operand has the output's shape, or one that
  /// broadcasts to it (numpy rules).
  int operand = kNone;
  bool operator==(const PostOp&) const = default;
};

/// A tensor that flows: produced by a node, or a graph input, or constant.
struct Value {
  std::string name;  ///< Unique, for people and for the text form.
  TensorType type;
  NodeId producer = kNone;         ///< kNone for graph inputs and constants.
  std::optional<Tensor> constant;  ///< Set for constants only.
};

/// One application of an operator.
struct Node {
  const OpDef* op = nullptr;
  std::string name;
  std::any attributes;          ///< The operator's Attributes struct; empty when it has none.
  std::vector<ValueId> inputs;  ///< The operator's own inputs, then operands of post-ops. kNone = absent.
  std::vector<ValueId> outputs;
  std::vector<PostOp> post_ops;  ///< Applied in order to outputs[0].

  template <class Attributes>
  [[nodiscard]] const Attributes& attrs() const {
    return std::any_cast<const Attributes&>(attributes);
  }
};

/// What an open extent may become.
struct ExtentRange {
  std::int64_t least = 0;
  std::int64_t most = kDynamic;  ///< kDynamic: no limit.
  bool operator==(const ExtentRange&) const = default;
};

/// An input or output as a user names it.
struct GraphPort {
  ValueId value = kNone;
  std::string name;                      ///< The name `fovea infer` shows and files carry.
  std::vector<std::string> aliases;      ///< Further tensor names that find this port.
  std::string layout;                    ///< "NCHW", "NHWC", … when the file states it, else empty.
  std::vector<ExtentRange> ranges = {};  ///< One an axis for inputs with bounded extents; empty: no bounds.
};

/// Nodes stand in topological order. Ids stay valid until `compact`. Copies share constant memory.
struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Value> values;
  std::vector<GraphPort> inputs;
  std::vector<GraphPort> outputs;

  ValueId add_input(std::string_view name, TensorType type);
  ValueId add_constant(std::string_view name, Tensor tensor);
  /// Appends a node; its outputs become new values of these types, named after the node (";1", ";2" appended).
  NodeId add_node(Node node, const std::vector<TensorType>& output_types);
  void add_output(ValueId value, std::string_view name);

  [[nodiscard]] const Value& value(ValueId id) const { return values.at(static_cast<std::size_t>(id)); }
  [[nodiscard]] Value& value(ValueId id) { return values.at(static_cast<std::size_t>(id)); }
  [[nodiscard]] const Node& node(NodeId id) const { return nodes.at(static_cast<std::size_t>(id)); }
  [[nodiscard]] Node& node(NodeId id) { return nodes.at(static_cast<std::size_t>(id)); }
  [[nodiscard]] bool is_constant(ValueId id) const { return id != kNone && value(id).constant.has_value(); }
  [[nodiscard]] const Tensor* constant(ValueId id) const { return is_constant(id) ? &*value(id).constant : nullptr; }

  /// Makes every reader of `from` (nodes and graph outputs) read `to`.
  void replace_uses(ValueId from, ValueId to);

  /// How many node inputs and graph outputs read each value, by value id.
  [[nodiscard]] std::vector<int> use_counts() const;

  /// Removes the marked nodes; nothing may read their outputs any more. Value ids stay.
  void erase_nodes(const std::vector<bool>& erase);

  /// `name`, or `name` with a number appended when a value has it already.
  [[nodiscard]] std::string unique_value_name(const std::string& name) const;

  /// Removes nodes that contribute to no output, then unused values; ids change.
  /// \return true if anything was removed.
  bool compact();
};

/// Checks the rules of a legal graph: ids in range, one producer a value, topological order, everything read is an
/// input, a constant or computed, unique names, constants of their declared type. Input counts are shape inference's.
/// \throws Error{kInternal} naming the first violation.
void verify(const Graph& graph);

}  // namespace fovea
