#include "engine/plugins/cpu/byte_tables.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/ops/fake_quantize.hpp"
#include "engine/ops/interpolate.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/passes/edit.hpp"

namespace fovea::cpu {
namespace {

constexpr std::size_t kBytes = 256;
constexpr std::size_t kMostNodes = 32;  // of a chain: evaluating it takes as many kernel calls

constexpr OpDef kByteTable{.name = "ByteTable", .spec = "", .inputs = {}, .openvino = {}, .attributes = {}};

/// Operators whose results are values of their first input.
constexpr std::array<std::string_view, 8> kMovers = {"MaxPool", "Reshape",       "Squeeze",      "Unsqueeze",
                                                     "Split",   "VariadicSplit", "StridedSlice", "Transpose"};

/// A value on steps: a function of the bytes of `root`, which is the value itself or what a table computes it from.
struct OnSteps {
  ValueId root = kNone;
  std::vector<double> values;  ///< For each byte of the root.
  Quantiser quantiser;         ///< Of the value itself.
};

OnSteps stored_itself(ValueId value, const Quantiser& quantiser) {
  OnSteps result{.root = value, .values = {}, .quantiser = quantiser};
  for (std::size_t byte = 0; byte < kBytes; ++byte) {
    result.values.push_back((static_cast<double>(byte) - quantiser.steps.zero) *
                            static_cast<double>(quantiser.steps.scale[0]));
  }
  return result;
}

/// f64 of any shape that broadcasts as the constant does: chains take single numbers only.
Tensor as_number(const Tensor& constant) { return constant.cast(DataType::kF64).reshaped({1}); }

/// A FakeQuantize whose limits, in and out, are 0 and its levels less one: it rounds to whole numbers.
std::optional<double> whole_numbers_up_to(const Graph& graph, ValueId value) {
  const NodeId id = graph.value(value).producer;
  if (id == kNone || graph.node(id).op->name != "FakeQuantize") {
    return std::nullopt;
  }
  const Node& node = graph.node(id);
  const auto most = static_cast<double>(node.attrs<ops::FakeQuantizeAttributes>().levels - 1);
  for (std::size_t i = 1; i < 5; ++i) {
    const Tensor* const limit = graph.constant(node.inputs.at(i));
    if (limit == nullptr || limit->size() != 1 || to_doubles(limit->view())[0] != (i % 2 == 1 ? 0 : most)) {
      return std::nullopt;
    }
  }
  return most;
}

/// The value x of -1 · x, else kNone.
ValueId negated(const Graph& graph, ValueId value) {
  const NodeId id = graph.value(value).producer;
  if (id == kNone || graph.node(id).op->name != "Multiply" || !graph.node(id).post_ops.empty()) {
    return kNone;
  }
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Tensor* const factor = graph.constant(graph.node(id).inputs.at(side));
    if (factor != nullptr && factor->size() == 1 && to_doubles(factor->view())[0] == -1) {
      return graph.node(id).inputs.at(1 - side);
    }
  }
  return kNone;
}

/// FakeQuantize(x) - FakeQuantize(-x), each to whole numbers from 0 on, is one to whole numbers on both sides: files of
/// fixed-point models are imported so, since f32 is finest near 0.
void join_halves(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (node.op->name != "Subtract" || !node.post_ops.empty() || node.inputs.size() != 2) {
      continue;
    }
    const auto above = whole_numbers_up_to(graph, node.inputs[0]);
    const auto below = whole_numbers_up_to(graph, node.inputs[1]);
    if (!above || !below || *above + *below > 255) {
      continue;
    }
    const ValueId x = graph.node(graph.value(node.inputs[0]).producer).inputs[0];
    const ValueId minus_x = graph.node(graph.value(node.inputs[1]).producer).inputs[0];
    if (negated(graph, minus_x) != x) {
      continue;
    }
    const auto limit = [&](const char* suffix, double value) {
      return graph.add_constant(graph.unique_value_name(node.name + suffix), Tensor::scalar(static_cast<float>(value)));
    };
    const ValueId low = limit("/low", -*below);
    const ValueId high = limit("/high", *above);
    ops::FakeQuantizeAttributes attributes;
    attributes.levels = static_cast<std::int64_t>(*above + *below) + 1;
    node.op = find_op("FakeQuantize");
    node.attributes = attributes;
    node.inputs = {x, low, high, low, high};
  }
  graph.compact();
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph) {}

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node& node = graph_.nodes[i];
      if (node.op->name == "FakeQuantize") {
        fold(node);
      } else if (moves(node)) {
        pass_on_steps(node);
      }
    }
    graph_.compact();
  }

 private:
  /// Results are values of the first input.
  [[nodiscard]] static bool moves(const Node& node) {
    const bool nearest = node.op->name == "Interpolate" &&
                         node.attrs<ops::InterpolateAttributes>().mode == ops::InterpolateMode::kNearest;
    return node.post_ops.empty() && (nearest || std::ranges::find(kMovers, node.op->name) != kMovers.end());
  }

  void pass_on_steps(const Node& node) {
    const auto from = on_steps_.find(node.inputs[0]);
    if (from == on_steps_.end()) {
      return;
    }
    const Quantiser quantiser = from->second.quantiser;
    for (const ValueId output : node.outputs) {
      if (graph_.value(output).type.data_type == DataType::kF32) {
        on_steps_.emplace(output, stored_itself(output, quantiser));
      }
    }
  }

  void fold(Node& node) {
    const auto quantiser = quantiser_of(graph_, node);
    if (!quantiser || quantiser->factor.size() > 1) {
      return;
    }
    const ValueId result = node.outputs[0];
    const auto source = on_steps_.find(node.inputs[0]);
    if (source != on_steps_.end() && source->second.quantiser.steps == quantiser->steps &&
        source->second.quantiser.most == quantiser->most) {
      // Limits are rounded numbers: their steps may differ by less than anyone meant.
      graph_.replace_uses(result, node.inputs[0]);
      return;
    }
    const auto chain = chain_before(node);
    if (!chain) {
      on_steps_.emplace(result, stored_itself(result, *quantiser));
      return;
    }
    OnSteps made{.root = chain->root, .values = evaluate_chain(node, *chain), .quantiser = *quantiser};
    ByteTable table{.input = on_steps_.at(chain->root).quantiser, .table = {}, .steps = quantiser->steps};
    for (std::size_t byte = 0; byte < kBytes; ++byte) {
      const double steps = made.values[byte] / static_cast<double>(quantiser->steps.scale[0]) + quantiser->steps.zero;
      table.table.at(byte) = static_cast<std::uint8_t>(std::clamp(std::lround(steps), 0L, 255L));
      // As the bytes will mean it.
      made.values[byte] =
          (table.table.at(byte) - quantiser->steps.zero) * static_cast<double>(quantiser->steps.scale[0]);
    }
    node.op = &kByteTable;
    node.attributes = std::move(table);
    node.inputs = {chain->root};
    on_steps_.emplace(result, std::move(made));
  }

  struct Chain {
    ValueId root = kNone;
    std::vector<NodeId> nodes;  ///< In order.
  };

  /// The nodes between the FakeQuantize and the one value on steps that it hangs on; nullopt when there is no such.
  [[nodiscard]] std::optional<Chain> chain_before(const Node& quantise) const {
    Chain chain;
    std::set<NodeId> found;
    std::vector<ValueId> open = {quantise.inputs[0]};
    const Shape& shape = graph_.value(quantise.outputs[0]).type.shape;
    while (!open.empty()) {
      const ValueId value = open.back();
      open.pop_back();
      if (const auto leaf = on_steps_.find(value); leaf != on_steps_.end()) {
        if (graph_.value(value).type.shape != shape || (chain.root != kNone && chain.root != leaf->second.root)) {
          return std::nullopt;
        }
        chain.root = leaf->second.root;
        continue;
      }
      if (const Tensor* constant = graph_.constant(value)) {
        if (constant->size() != 1 || constant->data_type() != DataType::kF32) {
          return std::nullopt;
        }
        continue;
      }
      const NodeId producer = graph_.value(value).producer;
      if (producer == kNone || !is_elementwise(graph_.node(producer)) || found.size() == kMostNodes) {
        return std::nullopt;
      }
      if (found.insert(producer).second) {
        const auto& inputs = graph_.node(producer).inputs;
        open.insert(open.end(), inputs.begin(), inputs.end());
      }
    }
    if (chain.root == kNone) {
      return std::nullopt;
    }
    chain.nodes.assign(found.begin(), found.end());
    std::ranges::sort(chain.nodes);  // ids are places in the topological order
    return chain;
  }

  [[nodiscard]] bool is_elementwise(const Node& node) const {
    if (node.outputs.size() != 1 || graph_.value(node.outputs[0]).type.data_type != DataType::kF32 ||
        std::ranges::find(node.inputs, kNone) != node.inputs.end()) {
      return false;
    }
    Node alone = node;  // operands of post-ops are inputs as well
    alone.post_ops.clear();
    alone.inputs.resize(node.inputs.size() - static_cast<std::size_t>(std::ranges::count_if(
                                                 node.post_ops, [](const PostOp& op) { return op.operand != kNone; })));
    return is_unary_elementwise(alone) || is_binary_elementwise(alone) || node.op->name == "PRelu";
  }

  /// What the FakeQuantize gives for each byte of the chain's root.
  [[nodiscard]] std::vector<double> evaluate_chain(const Node& quantise, const Chain& chain) const {
    std::map<ValueId, Tensor> values;
    const auto value_of = [&](ValueId id) -> const Tensor& {
      if (!values.contains(id)) {
        const auto leaf = on_steps_.find(id);
        values[id] = leaf != on_steps_.end()
                         ? Tensor::of<double>({static_cast<std::int64_t>(kBytes)}, leaf->second.values)
                         : as_number(*graph_.constant(id));
      }
      return values.at(id);
    };
    const auto compute = [&](const Node& node) {
      std::vector<ConstTensorView> inputs;
      for (const ValueId input : node.inputs) {
        inputs.push_back(value_of(input).view());
      }
      const TensorType type{DataType::kF64, {static_cast<std::int64_t>(kBytes)}};
      values[node.outputs[0]] = std::move(evaluate(node, inputs, std::array{type}).at(0));
    };
    for (const NodeId id : chain.nodes) {
      compute(graph_.node(id));
    }
    compute(quantise);
    return to_doubles(values.at(quantise.outputs[0]).view());
  }

  Graph& graph_;
  std::map<ValueId, OnSteps> on_steps_;
};

}  // namespace

void fold_into_tables(Graph& graph) {
  join_halves(graph);
  Folder(graph).run();
}

Table requantising_table(const Steps& steps, const Quantiser& quantiser) {
  Table table{};
  for (std::size_t byte = 0; byte < kBytes; ++byte) {
    const double value = (static_cast<double>(byte) - steps.zero) * static_cast<double>(steps.scale[0]);
    const double stored = value * static_cast<double>(quantiser.factor[0]) + static_cast<double>(quantiser.shift);
    table.at(byte) =
        static_cast<std::uint8_t>(std::nearbyint(std::clamp(stored, 0.0, static_cast<double>(quantiser.most))));
  }
  return table;
}

}  // namespace fovea::cpu
