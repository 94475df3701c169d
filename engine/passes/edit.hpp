// Small steps that several passes make on a graph: adding nodes anywhere, permuting, telling element-wise operators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea {

/// Appends a node with one output and default attributes; the order is restored by restore_order.
/// \param type  Of the output.
/// \return The output's value.
ValueId append_node(Graph& graph, std::string_view op, const std::string& name, std::vector<ValueId> inputs,
                    TensorType type);

/// Appends a node whose output takes the place of `value`, and its name: every reader of `value` but the new node
/// itself and graph outputs read the new output. What computes `value` gets a name of its own. `value` stands among
/// `inputs`.
ValueId append_behind(Graph& graph, std::string_view op, ValueId value, std::vector<ValueId> inputs);

/// The constant under a name of its own.
ValueId add_named_constant(Graph& graph, const std::string& name, Tensor tensor);

/// Swaps the names of two values and of the nodes whose first outputs they are. Names follow contents: a node that now
/// computes what another computed before takes its name.
void swap_names(Graph& graph, ValueId a, ValueId b);

/// Readers of `value` read `other` instead, and `other` takes its name; the node that computed `value` is dead.
void bypass(Graph& graph, ValueId value, ValueId other);

/// Puts the nodes into topological order, otherwise as they stand.
/// \throws Error{kInternal} when the graph has a cycle.
void restore_order(Graph& graph);

/// Nodes that read each value, once for each input, by value id.
std::vector<std::vector<NodeId>> readers_of(const Graph& graph);

/// True when a graph output reads the value.
bool is_output(const Graph& graph, ValueId value);

/// One input, one output, each element by itself.
bool is_unary_elementwise(const Node& node);
/// Arithmetic of two inputs that broadcast by numpy's rules.
bool is_binary_elementwise(const Node& node);

/// The axis order of a Transpose with a constant one, counted from the front; nullopt for other nodes.
std::optional<std::vector<std::size_t>> transpose_order(const Graph& graph, const Node& node);

/// result[i] extends along axis order[i] of the tensor.
Tensor permuted(const Tensor& tensor, const std::vector<std::size_t>& order);

/// f32 constant with one number, or one for each of the `shape[1]` channels of a tensor of that shape (shape[1] known).
std::optional<std::vector<float>> channel_values(const Graph& graph, ValueId value, const Shape& shape);

/// Splits a binary node into a constant per channel and the other operand, which has the output's type.
struct ChannelOperand {
  ValueId input = kNone;
  std::vector<float> values;
};
/// \param op  "Add" or "Multiply". nullopt for other nodes.
std::optional<ChannelOperand> channel_operand(const Graph& graph, const Node& node, std::string_view op);

/// [1,C,1,1] for a tensor of `rank` axes.
Tensor channel_tensor(const std::vector<float>& values, std::size_t rank);

}  // namespace fovea
