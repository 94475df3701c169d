// Which convolutions compute with whole numbers only.
#include "engine/passes/whole_numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "engine/ops/fake_quantize.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea {
namespace {

/// Operators whose results are whole where their inputs are. The data come first; of `kAllInputs` all inputs count.
constexpr std::array<std::string_view, 15> kFirstInput = {
    "DepthToSpace", "Gather", "MaxPool",      "Pad",  "Relu",      "Reshape",   "Slice",        "Squeeze",
    "SpaceToDepth", "Split",  "StridedSlice", "Tile", "Transpose", "Unsqueeze", "VariadicSplit"};
constexpr std::array<std::string_view, 6> kAllInputs = {"Add", "Concat", "Maximum", "Minimum", "Multiply", "Subtract"};

bool is_whole(const Tensor* constant) {
  return constant != nullptr && constant->data_type() == DataType::kF32 &&
         std::ranges::all_of(constant->data<float>(), [](float value) { return std::nearbyint(value) == value; });
}

/// The outputs lie a whole number apart, from a whole number on.
bool has_whole_steps(const Graph& graph, const Node& node) {
  const Tensor* low = graph.constant(node.inputs[3]);
  const Tensor* high = graph.constant(node.inputs[4]);
  if (!is_whole(low) || !is_whole(high) || low->size() != 1 || high->size() != 1) {
    return false;
  }
  const double span = static_cast<double>(high->data<float>()[0]) - static_cast<double>(low->data<float>()[0]);
  return std::fmod(span, static_cast<double>(node.attrs<ops::FakeQuantizeAttributes>().levels - 1)) == 0;
}

/// What must be whole for the node's outputs to be; {kNone} where nothing makes them so.
std::vector<ValueId> conditions(const Graph& graph, const Node& node) {
  const std::string_view op = node.op->name;
  const std::vector<ValueId> never = {kNone};
  if (!node.post_ops.empty()) {
    return never;
  }
  if (op == "FakeQuantize") {
    return has_whole_steps(graph, node) ? std::vector<ValueId>() : never;
  }
  if (op == "Convert") {
    return is_float(graph.value(node.inputs[0]).type.data_type) ? never : std::vector<ValueId>();
  }
  if (op == "Round") {
    return {};
  }
  if (std::ranges::find(kAllInputs, op) != kAllInputs.end()) {
    return node.inputs;
  }
  return std::ranges::find(kFirstInput, op) != kFirstInput.end() ? std::vector<ValueId>{node.inputs[0]} : never;
}

bool is_whole(const Graph& graph, ValueId start) {
  constexpr std::size_t kMost = 64;  // values looked at: what makes data whole is near
  std::vector<ValueId> values = {start};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kNone || values.size() > kMost) {
      return false;
    }
    const Value& value = graph.value(values[i]);
    if (value.constant) {
      if (!is_whole(&*value.constant)) {
        return false;
      }
      continue;
    }
    if (value.producer == kNone) {
      return false;
    }
    for (const ValueId condition : conditions(graph, graph.node(value.producer))) {
      if (std::ranges::find(values, condition) == values.end()) {
        values.push_back(condition);
      }
    }
  }
  return true;
}

}  // namespace

bool counts_whole_numbers(const Graph& graph, const Node& convolution) {
  return is_whole(graph, convolution.inputs[0]) && is_whole(graph.constant(convolution.inputs[1]));
}

}  // namespace fovea
