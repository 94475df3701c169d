// Factors and shifts per channel around convolutions go into weights and one shift behind them. Every fused constant is
// computed in double precision and rounded once.
#include <algorithm>
#include <cmath>

#include "engine/ops/spatial.hpp"
#include "engine/passes/channels.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"
#include "engine/passes/whole_numbers.hpp"

namespace fovea {
namespace {

bool is_transposed_convolution(const Node& node) {
  return node.op->name == "ConvolutionBackpropData" || node.op->name == "GroupConvolutionBackpropData";
}

/// The places of a convolution's weights: [groups, outer, inner, kernel], outer and inner being outputs and inputs of a
/// group, the other way round for transposed convolutions.
struct WeightShape {
  std::size_t groups = 1;
  std::size_t outer = 1;
  std::size_t inner = 1;
  std::size_t kernel = 1;
  bool transposed = false;

  WeightShape(const Node& node, const Shape& shape) : transposed(is_transposed_convolution(node)) {
    const bool grouped = node.op->name.starts_with("Group");
    const auto extent = [&](std::size_t axis) { return static_cast<std::size_t>(shape.at(axis)); };
    groups = grouped ? extent(0) : 1;
    outer = extent(grouped ? 1 : 0);
    inner = extent(grouped ? 2 : 1);
    kernel = element_count(shape) / std::max<std::size_t>(1, groups * outer * inner);
  }
  [[nodiscard]] std::size_t outputs() const { return groups * (transposed ? inner : outer); }
  [[nodiscard]] std::size_t inputs() const { return groups * (transposed ? outer : inner); }

  /// Calls visit(flat index, output channel, input channel) for every weight.
  template <class Visit>
  void for_each(Visit visit) const {
    std::size_t flat = 0;
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t o = 0; o < outer; ++o) {
        for (std::size_t i = 0; i < inner; ++i) {
          const std::size_t output = g * (transposed ? inner : outer) + (transposed ? i : o);
          const std::size_t input = g * (transposed ? outer : inner) + (transposed ? o : i);
          for (std::size_t k = 0; k < kernel; ++k) {
            visit(flat++, output, input);
          }
        }
      }
    }
  }
};

/// f32 weights known at compile time, nothing fused behind.
const Tensor* weights_of(const Graph& graph, const Node& node) {
  if ((!is_convolution(node) && !is_transposed_convolution(node)) || !node.post_ops.empty()) {
    return nullptr;
  }
  const Tensor* weights = graph.constant(node.inputs[1]);
  return weights != nullptr && weights->data_type() == DataType::kF32 && weights->size() > 0 ? weights : nullptr;
}

bool all_finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.data<float>(), [](float value) { return std::isfinite(value); });
}

/// The weights multiplied along their output or input channels; nullopt where f32 cannot hold them.
std::optional<Tensor> scaled(const Node& node, const Tensor& weights, const std::vector<float>& factors, bool outputs) {
  const WeightShape places(node, weights.shape());
  if (factors.size() != (outputs ? places.outputs() : places.inputs())) {
    return std::nullopt;
  }
  Tensor result = weights.clone();
  const auto data = result.data<float>();
  places.for_each([&](std::size_t flat, std::size_t output, std::size_t input) {
    data[flat] *= factors[outputs ? output : input];
  });
  return all_finite(result) ? std::optional(std::move(result)) : std::nullopt;
}

bool pads(const Node& node, const Shape& weights) {
  const auto& attributes = node.attrs<ops::ConvolutionAttributes>();
  const auto nonzero = [](std::int64_t value) { return value != 0; };
  switch (attributes.auto_pad) {
    case ops::AutoPad::kValid:
      return false;
    case ops::AutoPad::kExplicit:
      return std::ranges::any_of(attributes.pads_begin, nonzero) || std::ranges::any_of(attributes.pads_end, nonzero);
    default:  // a kernel of one element needs no padding, whatever the stride
      return WeightShape(node, weights).kernel != 1;
  }
}

class AffineFusion {
 public:
  explicit AffineFusion(Graph& graph) : graph_(graph) {}

  /// One step at most; the caller repeats.
  bool step() {
    const std::vector<int> uses = graph_.use_counts();
    const auto readers = readers_of(graph_);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto id = static_cast<NodeId>(n);
      if (factor_behind(id, uses) || factor_before(id, readers) || shift_before(id, readers) || two_shifts(id, uses)) {
        return true;
      }
    }
    return false;
  }

 private:
  [[nodiscard]] bool read_once(ValueId value, const std::vector<int>& uses) const {
    return uses[static_cast<std::size_t>(value)] == 1;
  }

  void set_weights(Node& node, Tensor weights) {
    const ValueId id = add_named_constant(graph_, node.name + "/weights", std::move(weights));
    node.inputs[1] = id;
  }

  void rename(ValueId value, const std::string& name) {
    graph_.value(value).name = graph_.unique_value_name(name);
    graph_.node(graph_.value(value).producer).name = graph_.value(value).name;
  }

  /// Convolution [→ Add] → Multiply: the factor goes into the weights and the shift.
  bool factor_behind(NodeId id, const std::vector<int>& uses) {
    const auto factor = channel_operand(graph_, graph_.node(id), "Multiply");
    if (!factor || graph_.value(factor->input).producer == kNone || !read_once(factor->input, uses)) {
      return false;
    }
    const NodeId producer = graph_.value(factor->input).producer;
    const auto shift = channel_operand(graph_, graph_.node(producer), "Add");
    const ValueId result = shift ? shift->input : factor->input;
    const NodeId convolution = graph_.value(result).producer;
    if (convolution == kNone || !read_once(result, uses)) {
      return false;
    }
    const Tensor* weights = weights_of(graph_, graph_.node(convolution));
    if (weights == nullptr || counts_whole_numbers(graph_, graph_.node(convolution))) {
      return false;
    }
    auto changed = scaled(graph_.node(convolution), *weights, factor->values, true);
    if (!changed) {
      return false;
    }
    if (shift) {
      std::vector<float> values = shift->values;
      std::ranges::transform(values, factor->values, values.begin(), std::multiplies<>());
      if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
        return false;
      }
      Node& add = graph_.node(producer);
      const std::size_t rank = graph_.value(result).type.shape.size();
      add.inputs = {result, add_named_constant(graph_, add.name + "/shift", channel_tensor(values, rank))};
    }
    set_weights(graph_.node(convolution), std::move(*changed));
    if (shift) {
      // The convolution computes something else now; the shift behind it takes over the factor's name.
      rename(result, graph_.value(result).name + "/scaled");
    }
    bypass(graph_, graph_.node(id).outputs[0], factor->input);
    return true;
  }

  /// All readers of the value read it as the data of convolutions with known weights; empty otherwise.
  std::vector<NodeId> convolutions_reading(ValueId value, const std::vector<std::vector<NodeId>>& readers) const {
    const std::vector<NodeId>& all = readers[static_cast<std::size_t>(value)];
    const bool fit = !is_output(graph_, value) && std::ranges::all_of(all, [&](NodeId id) {
      const Node& node = graph_.node(id);
      return weights_of(graph_, node) != nullptr && node.inputs[0] == value && node.inputs[1] != value;
    });
    return fit ? all : std::vector<NodeId>();
  }

  /// Multiply → Convolution: padding is no obstacle, 0 · factor = 0.
  bool factor_before(NodeId id, const std::vector<std::vector<NodeId>>& readers) {
    const auto factor = channel_operand(graph_, graph_.node(id), "Multiply");
    if (!factor) {
      return false;
    }
    const std::vector<NodeId> convolutions = convolutions_reading(graph_.node(id).outputs[0], readers);
    if (convolutions.empty()) {
      return false;
    }
    std::vector<Tensor> weights;
    for (const NodeId reader : convolutions) {
      const Node& node = graph_.node(reader);
      auto changed = scaled(node, *weights_of(graph_, node), factor->values, false);
      if (!changed) {
        return false;
      }
      weights.push_back(std::move(*changed));
    }
    for (std::size_t i = 0; i < convolutions.size(); ++i) {
      Node& node = graph_.node(convolutions[i]);
      node.inputs[0] = factor->input;
      set_weights(node, std::move(weights[i]));
    }
    std::ranges::fill(graph_.node(id).inputs, kNone);
    return true;
  }

  /// What a shift of the data adds to each output channel; empty where padding or size forbid it.
  std::vector<float> shift_behind(const Node& node, const std::vector<float>& shift) const {
    const Tensor& weights = *weights_of(graph_, node);
    const WeightShape places(node, weights.shape());
    if (!is_convolution(node) || pads(node, weights.shape()) || places.inputs() != shift.size()) {
      return {};
    }
    std::vector<double> sums(places.outputs(), 0);
    const auto data = weights.data<float>();
    places.for_each([&](std::size_t flat, std::size_t output, std::size_t input) {
      sums[output] += static_cast<double>(data[flat]) * static_cast<double>(shift[input]);
    });
    std::vector<float> rounded(sums.begin(), sums.end());
    if (!std::ranges::all_of(rounded, [](float v) { return std::isfinite(v); })) {
      rounded.clear();
    }
    return rounded;
  }

  /// Add → Convolution without padding: the shift moves behind. With padding it cannot, the pad being 0.
  bool shift_before(NodeId id, const std::vector<std::vector<NodeId>>& readers) {
    const auto shift = channel_operand(graph_, graph_.node(id), "Add");
    if (!shift) {
      return false;
    }
    const std::vector<NodeId> convolutions = convolutions_reading(graph_.node(id).outputs[0], readers);
    if (convolutions.empty()) {
      return false;
    }
    std::vector<std::vector<float>> moved;
    for (const NodeId reader : convolutions) {
      moved.push_back(shift_behind(graph_.node(reader), shift->values));
      if (moved.back().empty()) {
        return false;
      }
    }
    for (std::size_t i = 0; i < convolutions.size(); ++i) {
      graph_.node(convolutions[i]).inputs[0] = shift->input;
      const ValueId output = graph_.node(convolutions[i]).outputs[0];
      const std::size_t rank = graph_.value(output).type.shape.size();
      const ValueId constant =
          add_named_constant(graph_, graph_.value(output).name + "/shift", channel_tensor(moved[i], rank));
      append_behind(graph_, "Add", output, {output, constant});
    }
    std::ranges::fill(graph_.node(id).inputs, kNone);
    restore_order(graph_);
    return true;
  }

  /// Convolution → Add → Add: one shift.
  bool two_shifts(NodeId id, const std::vector<int>& uses) {
    const auto second = channel_operand(graph_, graph_.node(id), "Add");
    if (!second || graph_.value(second->input).producer == kNone || !read_once(second->input, uses)) {
      return false;
    }
    Node& add = graph_.node(graph_.value(second->input).producer);
    const auto first = channel_operand(graph_, add, "Add");
    const NodeId producer = first ? graph_.value(first->input).producer : kNone;
    if (producer == kNone || weights_of(graph_, graph_.node(producer)) == nullptr) {
      return false;
    }
    std::vector<float> values = first->values;
    std::ranges::transform(values, second->values, values.begin(), std::plus<>());
    const std::size_t rank = graph_.value(first->input).type.shape.size();
    add.inputs = {first->input, add_named_constant(graph_, add.name + "/shift", channel_tensor(values, rank))};
    bypass(graph_, graph_.node(id).outputs[0], second->input);
    return true;
  }

  Graph& graph_;
};

}  // namespace

bool fuse_affine(Graph& graph) {
  bool changed = false;
  AffineFusion fusion(graph);
  // Every step takes a node out of the graph or moves a shift past a convolution, so it ends.
  while (fusion.step()) {
    changed = true;
    graph.compact();
  }
  return changed;
}

}  // namespace fovea
