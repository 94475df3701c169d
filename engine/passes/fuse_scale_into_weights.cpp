#include <algorithm>

#include "engine/ops/binary.hpp"
#include "engine/passes/channels.hpp"
#include "engine/passes/pass.hpp"
#include "engine/passes/whole_numbers.hpp"

namespace fovea {
namespace {

/// Multiplies the weights of a convolution along its output or input channels.
class WeightScaler {
 public:
  WeightScaler(Graph& graph, Node& convolution) : graph_(graph), convolution_(convolution) {}

  /// Weights must be a constant of this very node.
  [[nodiscard]] bool possible() const { return graph_.is_constant(convolution_.inputs[1]); }

  void scale_outputs(const std::vector<float>& factors) {
    // Output channels are the outermost axes of the weights: [O,I,…] or [G,O/G,I/G,…].
    Tensor weights = graph_.constant(convolution_.inputs[1])->clone();
    const auto data = weights.data<float>();
    const std::size_t block = data.size() / factors.size();
    for (std::size_t o = 0; o < factors.size(); ++o) {
      std::ranges::for_each(data.subspan(o * block, block), [&](float& w) { w *= factors[o]; });
    }
    replace_input(1, std::move(weights), "/weights");
    if (has_bias(graph_, convolution_)) {
      const auto operand = static_cast<std::size_t>(convolution_.post_ops[0].operand);
      const Shape& shape = graph_.value(convolution_.outputs[0]).type.shape;
      std::vector<float> bias = per_channel(graph_, convolution_.inputs[operand], shape).value();
      std::ranges::transform(bias, factors, bias.begin(), std::multiplies<>());
      Shape bias_shape(shape.size(), 1);
      bias_shape[1] = shape[1];
      replace_input(operand, Tensor::of(bias_shape, bias), "/bias");
    }
  }

  void scale_inputs(const std::vector<float>& factors) {
    Tensor weights = graph_.constant(convolution_.inputs[1])->clone();
    const bool grouped = convolution_.op->name == "GroupConvolution";
    const Shape& shape = weights.shape();
    const auto groups = static_cast<std::size_t>(grouped ? shape[0] : 1);
    const auto outputs = static_cast<std::size_t>(grouped ? shape[1] : shape[0]);
    const auto inputs = static_cast<std::size_t>(grouped ? shape[2] : shape[1]);
    const auto data = weights.data<float>();
    const std::size_t kernel = data.size() / (groups * outputs * inputs);
    for (std::size_t row = 0; row < groups * outputs; ++row) {
      for (std::size_t i = 0; i < inputs; ++i) {
        const float factor = factors[row / outputs * inputs + i];
        std::ranges::for_each(data.subspan((row * inputs + i) * kernel, kernel), [&](float& w) { w *= factor; });
      }
    }
    replace_input(1, std::move(weights), "/weights");
  }

 private:
  void replace_input(std::size_t index, Tensor tensor, std::string_view suffix) {
    convolution_.inputs[index] =
        graph_.add_constant(graph_.unique_value_name(convolution_.name + std::string(suffix)), std::move(tensor));
  }

  Graph& graph_;
  Node& convolution_;
};

/// The constant side and the other side of a Multiply; kNone when neither is one number per channel.
struct Factor {
  ValueId input = kNone;
  std::vector<float> values;
};

Factor channel_factor(const Graph& graph, const Node& node) {
  if (node.op->name != "Multiply" || !node.post_ops.empty() || !ops::broadcasts_like_numpy(node)) {
    return {};
  }
  const TensorType& type = graph.value(node.outputs[0]).type;
  for (const std::size_t side : {std::size_t{1}, std::size_t{0}}) {
    const ValueId input = node.inputs[1 - side];
    auto values = per_channel(graph, node.inputs[side], type.shape);
    if (values && graph.value(input).type == type) {
      return {input, std::move(*values)};
    }
  }
  return {};
}

/// Readers of the node read `value` instead. The dead node reads nothing more, or it would count as a second reader of
/// `value` and stop the next step of the chain.
void bypass(Graph& graph, Node& node, ValueId value) {
  graph.replace_uses(node.outputs[0], value);
  std::ranges::fill(node.inputs, kNone);
}

/// Convolution → Multiply: the factor goes into the convolution before it.
bool fuse_after(Graph& graph, Node& multiply, const std::vector<int>& uses) {
  const Factor factor = channel_factor(graph, multiply);
  if (factor.input == kNone || graph.value(factor.input).producer == kNone ||
      uses[static_cast<std::size_t>(factor.input)] != 1) {
    return false;
  }
  Node& convolution = graph.node(graph.value(factor.input).producer);
  const bool only_bias =
      convolution.post_ops.empty() || (convolution.post_ops.size() == 1 && has_bias(graph, convolution));
  WeightScaler scaler(graph, convolution);
  if (!is_convolution(convolution) || !only_bias || !scaler.possible() || counts_whole_numbers(graph, convolution)) {
    return false;
  }
  scaler.scale_outputs(factor.values);
  bypass(graph, multiply, factor.input);
  return true;
}

/// Multiply → Convolution: the factor goes into the convolution behind it. Padding is no obstacle: 0 · factor = 0.
bool fuse_before(Graph& graph, Node& convolution, const std::vector<int>& uses) {
  const NodeId producer = graph.value(convolution.inputs[0]).producer;
  if (!is_convolution(convolution) || producer == kNone || uses[static_cast<std::size_t>(convolution.inputs[0])] != 1) {
    return false;
  }
  const Factor factor = channel_factor(graph, graph.node(producer));
  WeightScaler scaler(graph, convolution);
  if (factor.input == kNone || !scaler.possible()) {
    return false;
  }
  scaler.scale_inputs(factor.values);
  convolution.inputs[0] = factor.input;
  return true;
}

/// Convolution → Add(constant per channel): becomes the convolution's bias, so that a factor behind it finds both.
bool fuse_bias(Graph& graph, Node& add, const std::vector<int>& uses) {
  if (add.op->name != "Add" || !add.post_ops.empty() || !ops::broadcasts_like_numpy(add)) {
    return false;
  }
  const TensorType& type = graph.value(add.outputs[0]).type;
  for (const std::size_t side : {std::size_t{1}, std::size_t{0}}) {
    const ValueId input = add.inputs[1 - side];
    const NodeId producer = graph.value(input).producer;
    if (producer == kNone || uses[static_cast<std::size_t>(input)] != 1 || graph.value(input).type != type) {
      continue;
    }
    Node& convolution = graph.node(producer);
    const auto bias = per_channel(graph, add.inputs[side], type.shape);
    if (!bias || !is_convolution(convolution) || !convolution.post_ops.empty()) {
      continue;
    }
    Shape shape(type.shape.size(), 1);
    shape[1] = type.shape[1];
    convolution.post_ops.push_back({.kind = PostOpKind::kAdd, .operand = static_cast<int>(convolution.inputs.size())});
    convolution.inputs.push_back(
        graph.add_constant(graph.unique_value_name(convolution.name + "/bias"), Tensor::of(shape, *bias)));
    bypass(graph, add, input);
    return true;
  }
  return false;
}

}  // namespace

bool fuse_scale_into_weights(Graph& graph) {
  bool changed = false;
  // Each step removes one node from the chain; walking in order sees Convolution → Add → Multiply → Add in one go.
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::vector<int> uses = graph.use_counts();
    Node& node = graph.nodes[i];
    changed |= fuse_bias(graph, node, uses) || fuse_after(graph, node, uses) || fuse_before(graph, node, uses);
  }
  return changed;
}

}  // namespace fovea
