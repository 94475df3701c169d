// ONNX activations.
#include <cmath>
#include <limits>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// min(max(x, low), high) with limits that are not known at import.
ValueId clip_computed(NodeContext& node, ValueId x) {
  if (node.has_input(1)) {
    x = node.add("Maximum", {x, node.input(1)});
  }
  return node.has_input(2) ? node.add("Minimum", {x, node.input(2)}) : x;
}

/// Softmax, LogSoftmax and Hardmax before opset 13 see the data as a matrix, split at `axis`; later they go along it.
/// \param apply  Adds the operator for (data, axis).
template <class Apply>
ValueId along_axis(NodeContext& node, Apply apply) {
  const ValueId x = node.input(0);
  const std::size_t rank = node.rank(x);
  const bool matrix = node.opset() < 13;
  // At the end of the axes is allowed for matrices: rows of one element.
  const std::int64_t given = node.integer("axis", matrix ? 1 : -1);
  if (matrix && given == static_cast<std::int64_t>(rank)) {
    const Shape shape = node.shape(x);
    return node.reshape(apply(flatten_to_matrix(node, x, rank), 1), shape);
  }
  const std::int64_t axis = node.normal_axis(given, rank);
  const Shape shape = node.shape(x);
  bool last = true;
  for (std::size_t i = static_cast<std::size_t>(axis) + 1; i < rank; ++i) {
    last = last && shape[i] == 1;
  }
  if (!matrix || last) {
    return apply(x, axis);
  }
  if (!is_static(shape)) {
    node.unsupported(fmt::format("sees {} as a matrix; before opset 13 that needs known extents", to_string(shape)));
  }
  return node.reshape(apply(flatten_to_matrix(node, x, static_cast<std::size_t>(axis)), 1), shape);
}

}  // namespace

Values convert_relu(NodeContext& node) { return {node.add("Relu", {node.input(0)})}; }

Values convert_clip(NodeContext& node) {
  const ValueId x = node.input(0);
  double low = node.real("min", -std::numeric_limits<double>::infinity());
  double high = node.real("max", std::numeric_limits<double>::infinity());
  if (node.opset() >= 11) {
    const auto given_low = node.known_reals(1);
    const auto given_high = node.known_reals(2);
    if ((node.has_input(1) && !given_low) || (node.has_input(2) && !given_high)) {
      return {clip_computed(node, x)};
    }
    low = given_low && given_low->size() == 1 ? given_low->front() : low;
    high = given_high && given_high->size() == 1 ? given_high->front() : high;
    if (!(low <= high)) {
      return {clip_computed(node, x)};
    }
  }
  if (low == 0 && std::isinf(high)) {
    return {node.add("Relu", {x})};
  }
  return {std::isinf(low) && std::isinf(high) ? x : node.add("Clamp", {x}, {{"min", low}, {"max", high}})};
}

Values convert_hard_sigmoid(NodeContext& node) {
  const double alpha = node.real("alpha", 0.2);
  const double beta = node.real("beta", 0.5);
  const ValueId x = node.input(0);
  // As exporters round a sixth; the operator without attributes is the one that fuses.
  if (std::abs(alpha - 1.0 / 6) < 1e-6 && beta == 0.5) {
    return {node.add("HSigmoid", {x})};
  }
  const DataType type = node.data_type(x);
  return {node.add("HardSigmoid", {x, node.scalar(type, alpha), node.scalar(type, beta)})};
}

Values convert_hard_swish(NodeContext& node) { return {node.add("HSwish", {node.input(0)})}; }

Values convert_leaky_relu(NodeContext& node) {
  const ValueId x = node.input(0);
  return {node.add("PRelu", {x, node.scalar(node.data_type(x), node.real("alpha", 0.01))})};
}

Values convert_prelu(NodeContext& node) {
  const ValueId x = node.input(0);
  ValueId slope = node.input(1);
  // Ours gives a slope of rank 1 to axis 1, ONNX's to the last one.
  if (node.rank(slope) == 1 && node.rank(x) > 1 && node.shape(slope)[0] != 1) {
    Shape full(node.rank(x), 1);
    full.back() = node.shape(slope)[0];
    slope = node.reshape(slope, full);
  }
  return {node.add("PRelu", {x, slope})};
}

Values convert_elu(NodeContext& node) { return {node.add("Elu", {node.input(0)}, {{"alpha", node.real("alpha", 1)}})}; }

Values convert_celu(NodeContext& node) {
  const double alpha = node.real("alpha", 1);
  const ValueId scaled = multiply(node, node.input(0), 1 / alpha);
  return {multiply(node, node.add("Elu", {scaled}, {{"alpha", 1.0}}), alpha)};
}

Values convert_selu(NodeContext& node) {
  const ValueId x = node.input(0);
  const DataType type = node.data_type(x);
  // The defaults of the specification, as f32 holds them.
  const double alpha = node.real("alpha", 1.67326319217681884765625);
  const double gamma = node.real("gamma", 1.05070102214813232421875);
  return {node.add("Selu", {x, node.scalar(type, alpha), node.scalar(type, gamma)})};
}

Values convert_thresholded_relu(NodeContext& node) {
  const ValueId x = node.input(0);
  const DataType type = node.data_type(x);
  const ValueId above = node.add("Greater", {x, node.scalar(type, node.real("alpha", 1))});
  return {node.add("Select", {above, x, node.scalar(type, 0)})};
}

Values convert_shrink(NodeContext& node) {
  const ValueId x = node.input(0);
  const DataType type = node.data_type(x);
  const double bias = node.real("bias", 0);
  const double lambda = node.real("lambd", 0.5);
  const ValueId below = node.add("Less", {x, node.scalar(type, -lambda)});
  const ValueId above = node.add("Greater", {x, node.scalar(type, lambda)});
  const ValueId high = node.add("Select", {above, add_number(node, x, -bias), node.scalar(type, 0)});
  return {node.add("Select", {below, add_number(node, x, bias), high})};
}

Values convert_gelu(NodeContext& node) {
  const bool tanh = node.text("approximate", "none") == "tanh";
  return {node.add("Gelu", {node.input(0)}, {{"approximation_mode", tanh ? "tanh" : "erf"}})};
}

Values convert_softmax(NodeContext& node) {
  return {along_axis(node, [&](ValueId x, std::int64_t axis) { return node.add("Softmax", {x}, {{"axis", axis}}); })};
}

Values convert_log_softmax(NodeContext& node) {
  return {along_axis(node, [&](ValueId x, std::int64_t axis) {
    return node.add("LogSoftmax", {x}, {{"axis", axis}});
  })};
}

Values convert_hardmax(NodeContext& node) {
  return {along_axis(node, [&](ValueId x, std::int64_t axis) {
    const DataType type = node.data_type(x);
    const std::int64_t extent = node.shape(x)[static_cast<std::size_t>(axis)];
    const Values best =
        node.add_node("TopK", {x, node.integer_scalar(1)},
                      {{"axis", axis}, {"mode", "max"}, {"index_element_type", DataType::kI64}}, {.outputs = 2});
    const ValueId place = node.squeeze(best[1], {axis});
    return node.add("OneHot", {place, node.integer_scalar(extent), node.scalar(type, 1), node.scalar(type, 0)},
                    {{"axis", axis}});
  })};
}

}  // namespace fovea::onnx
