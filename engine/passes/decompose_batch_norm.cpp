// Batch normalisation with known parameters becomes a factor and a shift per channel, which convolutions take in.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch_norm_inference.hpp"
#include "engine/passes/edit.hpp"
#include "engine/passes/portable.hpp"

namespace fovea {
namespace {

struct Affine {
  std::vector<float> factor;
  std::vector<float> shift;
};

/// nullopt when a parameter is not an f32 constant, or a factor is not finite (variance and epsilon zero).
std::optional<Affine> affine_of(const Graph& graph, const Node& node, const ops::BatchNormInputs& place) {
  std::array<std::vector<double>, 4> parameters;
  const std::array<std::size_t, 4> inputs = {place.gamma, place.beta, 3, 4};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor* constant = graph.constant(node.inputs[inputs.at(i)]);
    if (constant == nullptr || constant->data_type() != DataType::kF32) {
      return std::nullopt;
    }
    parameters.at(i) = to_doubles(constant->view());
  }
  const auto& [gamma, beta, mean, variance] = parameters;
  const double epsilon = node.attrs<ops::BatchNormAttributes>().epsilon;
  Affine affine;
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double factor = gamma[c] / std::sqrt(variance[c] + epsilon);
    affine.factor.push_back(static_cast<float>(factor));
    affine.shift.push_back(static_cast<float>(beta[c] - mean[c] * factor));
    if (!std::isfinite(affine.factor.back()) || !std::isfinite(affine.shift.back())) {
      return std::nullopt;
    }
  }
  return affine;
}

}  // namespace

bool decompose_batch_norm(Graph& graph) {
  bool changed = false;
  const std::size_t count = graph.nodes.size();
  for (std::size_t n = 0; n < count; ++n) {
    const Node& node = graph.nodes[n];
    if (node.op->name != "BatchNormInference" || !node.post_ops.empty()) {
      continue;
    }
    const ops::BatchNormInputs place = ops::batch_norm_inputs(node.attrs<ops::BatchNormAttributes>());
    const ValueId data = node.inputs[place.data];
    const ValueId output = node.outputs[0];
    const TensorType type = graph.value(output).type;
    const std::optional<Affine> affine = affine_of(graph, node, place);
    if (!affine || type.data_type != DataType::kF32) {
      continue;
    }
    const std::string name = node.name;
    const std::size_t rank = type.shape.size();
    const ValueId factor = add_named_constant(graph, name + "/factor", channel_tensor(affine->factor, rank));
    const ValueId shift = add_named_constant(graph, name + "/shift", channel_tensor(affine->shift, rank));
    const ValueId scaled = append_node(graph, "Multiply", name + "/scaled", {data, factor}, type);
    const ValueId shifted = append_node(graph, "Add", name + "/shifted", {scaled, shift}, type);
    bypass(graph, output, shifted);
    changed = true;
  }
  if (changed) {
    graph.compact();
    restore_order(graph);
  }
  return changed;
}

}  // namespace fovea
