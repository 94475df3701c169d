#include "tools/compare/bounds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/ops/batch_norm_inference.hpp"
#include "engine/ops/mat_mul.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/passes/edit.hpp"

namespace fovea::tools {
namespace {

constexpr double kUnit = 1.0 / (1 << 24);  // unit roundoff of f32
/// Results below the smallest normal number may be flushed to zero.
constexpr double kTiny = std::numeric_limits<float>::min();
constexpr double kFunctionRoundings = 16;
/// x − c may be computed as x + (−c), x / c as x · (1/c), a chain as one multiply-add: four roundings at most.
constexpr double kArithmeticRoundings = 4;

constexpr auto kExact = std::to_array<std::string_view>(
    {"Abs",          "Broadcast",    "Ceiling",      "Clamp",          "Concat",          "DepthToSpace",
     "Equal",        "Floor",        "Gather",       "GatherElements", "GatherND",        "Greater",
     "GreaterEqual", "Less",         "LessEqual",    "MaxPool",        "Maximum",         "Minimum",
     "Negative",     "NotEqual",     "Pad",          "ReduceMax",      "ReduceMin",       "Relu",
     "Reshape",      "Reverse",      "Select",       "ShapeOf",        "ShuffleChannels", "Sign",
     "Slice",        "SpaceToDepth", "Split",        "Squeeze",        "StridedSlice",    "Tile",
     "Transpose",    "Unsqueeze",    "VariadicSplit"});

bool is_exact(const Node& node) { return std::ranges::find(kExact, node.op->name) != kExact.end(); }

bool is_product_sum(const Node& node) {
  return node.op->name.find("Convolution") != std::string_view::npos || node.op->name == "MatMul";
}

Tensor in_double(const ConstTensorView& view, bool magnitude) {
  Tensor tensor(DataType::kF64, view.shape());
  std::vector<double> values = to_doubles(view);
  for (double& value : values) {
    value = magnitude ? std::abs(value) : value;
  }
  store(tensor.mutable_view(), values);
  return tensor;
}

/// The node's first output in double precision on these floating inputs; others stay as they are.
std::vector<double> evaluate_on(const Node& node, std::span<const ConstTensorView> inputs, std::vector<Tensor>& changed,
                                const TensorType& output) {
  std::vector<ConstTensorView> views(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!changed[i].empty()) {
      views[i] = changed[i].view();
    }
  }
  const TensorType type{DataType::kF64, output.shape};
  return to_doubles(evaluate(node, views, std::span(&type, 1))[0].view());
}

std::vector<double> on_magnitudes(const Node& node, std::span<const ConstTensorView> inputs, const TensorType& output) {
  std::vector<Tensor> magnitudes(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].bytes != nullptr && is_float(inputs[i].type.data_type)) {
      magnitudes[i] = in_double(inputs[i], true);
    }
  }
  return evaluate_on(node, inputs, magnitudes, output);
}

double product(const Shape& shape, std::size_t first) {
  double result = 1;
  for (std::size_t i = first; i < shape.size(); ++i) {
    result *= static_cast<double>(shape[i]);
  }
  return result;
}

/// Products that one output element sums, at most.
double summands(const Node& node, std::span<const ConstTensorView> inputs) {
  if (node.op->name == "MatMul") {
    const Shape& a = inputs[0].shape();
    const bool swapped = node.attrs<ops::MatMulAttributes>().transpose_a && a.size() > 1;
    return a.empty() ? 1 : static_cast<double>(a[a.size() - (swapped ? 2 : 1)]);
  }
  const Shape& weights = inputs[1].shape();
  const std::size_t first = node.op->name.starts_with("Group") ? 1 : 0;
  const bool backwards = node.op->name.ends_with("BackpropData");
  // [O, I, k…], transposed convolutions [I, O, k…].
  return static_cast<double>(weights[first + (backwards ? 0 : 1)]) * product(weights, first + 2);
}

double largest(const ConstTensorView& view) {
  double result = 0;
  for (const double value : to_doubles(view)) {
    result = std::max(result, std::abs(value));
  }
  return result;
}

/// Devices may compute it by Winograd's method F(4x4,3x3). Between a few channels its transforms cost more than it
/// saves.
bool may_be_winograd(const Node& node, std::span<const ConstTensorView> inputs) {
  constexpr std::int64_t kLeastFilters = 64;
  const Shape& weights = inputs[1].shape();
  if (node.op->name != "Convolution" || weights.size() != 4 || weights[2] != 3 || weights[3] != 3 ||
      weights[0] * weights[1] < kLeastFilters) {
    return false;
  }
  const auto& attributes = node.attrs<ops::ConvolutionAttributes>();
  const auto is_one = [](std::int64_t value) { return value == 1; };
  return std::ranges::all_of(attributes.strides, is_one) && std::ranges::all_of(attributes.dilations, is_one);
}

/// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A with the magnitudes of all matrices, for data of magnitude 1: the largest of the tile.
double winograd_magnitude(const double* filter) {
  static constexpr double kG[6][3] = {{1.0 / 4, 0, 0},
                                      {1.0 / 6, 1.0 / 6, 1.0 / 6},
                                      {1.0 / 6, 1.0 / 6, 1.0 / 6},
                                      {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                      {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                      {0, 0, 1}};
  static constexpr double kBRows[6] = {10, 10, 10, 6, 6, 10};
  // The rows of Aᵀ that are not less than another one everywhere.
  static constexpr double kA[2][6] = {{1, 1, 1, 1, 1, 0}, {0, 1, 1, 8, 8, 1}};
  double products[6][6] = {};
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) {
          products[i][j] += kG[i][y] * std::abs(filter[y * 3 + x]) * kG[j][x] * kBRows[i] * kBRows[j];
        }
      }
    }
  }
  double most = 0;
  for (const auto& row : kA) {
    for (const auto& column : kA) {
      double sum = 0;
      for (int i = 0; i < 6; ++i) {
        for (int j = 0; j < 6; ++j) {
          sum += row[i] * column[j] * products[i][j];
        }
      }
      most = std::max(most, sum);
    }
  }
  return most;
}

/// The bound of Winograd's method, one an output channel: each product passes one rounding of its weight, six of the
/// input's transform, the sum over the channels with one for the product, and eight of the output's transform.
std::vector<double> winograd_bounds(std::span<const ConstTensorView> inputs) {
  const Shape& weights = inputs[1].shape();
  const std::vector<double> filters = to_doubles(inputs[1]);
  const auto channels = static_cast<std::size_t>(weights[1]);
  const double factor = (static_cast<double>(channels) + 16) * kUnit * largest(inputs[0]);
  std::vector<double> bounds(static_cast<std::size_t>(weights[0]), 0);
  for (std::size_t k = 0; k < bounds.size(); ++k) {
    for (std::size_t c = 0; c < channels; ++c) {
      bounds[k] += factor * winograd_magnitude(filters.data() + (k * channels + c) * 9);
    }
  }
  return bounds;
}

std::vector<double> times(std::vector<double> values, double factor) {
  for (double& value : values) {
    value = std::abs(value) * factor + kTiny;
  }
  return values;
}

/// γ·(x − μ)/√(σ² + ε) + β on magnitudes: all terms added up.
std::vector<double> batch_norm_magnitudes(const Node& node, std::span<const ConstTensorView> inputs,
                                          const TensorType& output) {
  const ops::BatchNormInputs place = ops::batch_norm_inputs(node.attrs<ops::BatchNormAttributes>());
  std::vector<Tensor> changed(inputs.size());
  for (const std::size_t i : {place.data, place.gamma, place.beta, std::size_t{3}}) {
    changed[i] = in_double(inputs[i], true);
  }
  for (double& value : changed[3].data<double>()) {
    value = -value;
  }
  changed[4] = in_double(inputs[4], false);
  return evaluate_on(node, inputs, changed, output);
}

double softmax_roundings(std::span<const ConstTensorView> inputs) {
  // exp(x − max) takes over the rounding of its argument, at most 2·max|x|; no axis is longer than the tensor.
  return static_cast<double>(element_count(inputs[0].shape())) + 4 * largest(inputs[0]) + kFunctionRoundings;
}

double interpolate_bound(std::span<const ConstTensorView> inputs) {
  // Cubic weights add up to at most 1.6 in magnitude along each of two axes; positions are computed in f32, so weights
  // are off by the rounding of the longest axis.
  const Shape& shape = inputs[0].shape();
  const double extent = static_cast<double>(*std::ranges::max_element(shape));
  return 2.56 * largest(inputs[0]) * kUnit * (kFunctionRoundings + 8 + 4 * extent);
}

}  // namespace

std::optional<std::vector<double>> rounding_bounds(const Node& node, std::span<const ConstTensorView> inputs,
                                                   const TensorType& output, std::span<const double> result) {
  const std::string_view name = node.op->name;
  const std::vector<double> values(result.begin(), result.end());
  if (is_exact(node) || !is_float(output.data_type)) {
    return std::vector<double>(values.size(), 0);
  }
  if (is_product_sum(node)) {
    std::vector<double> bounds = times(on_magnitudes(node, inputs, output), (summands(node, inputs) + 2) * kUnit);
    if (may_be_winograd(node, inputs)) {
      const std::vector<double> channels = winograd_bounds(inputs);
      const auto plane = static_cast<std::size_t>(product(output.shape, 2));
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        bounds[i] = std::max(bounds[i], channels[i / plane % channels.size()]);
      }
    }
    return bounds;
  }
  if (name == "AvgPool" || name == "ReduceMean" || name == "ReduceSum") {
    const double elements = name == "AvgPool" ? product(node.attrs<ops::PoolAttributes>().kernel, 0)
                                              : static_cast<double>(element_count(inputs[0].shape()));
    return times(on_magnitudes(node, inputs, output), (elements + 2) * kUnit);
  }
  if (name == "BatchNormInference") {
    return times(batch_norm_magnitudes(node, inputs, output), 8 * kUnit);
  }
  if (is_binary_elementwise(node)) {
    return times(values, kArithmeticRoundings * kUnit);
  }
  if (name == "PRelu") {
    return times(values, kUnit);
  }
  if (name == "Softmax") {
    return times(values, softmax_roundings(inputs) * kUnit);
  }
  if (name == "Interpolate" && !inputs[0].shape().empty()) {
    return std::vector<double>(values.size(), interpolate_bound(inputs));
  }
  if (is_unary_elementwise(node)) {
    std::vector<double> bounds(values.size());
    // Terms of the polynomials are as large as the argument or 1 where the function itself is small.
    const std::vector<double> arguments = to_doubles(inputs[0]);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      bounds[i] = kFunctionRoundings * kUnit * std::max({1.0, std::abs(values[i]), std::abs(arguments[i])});
      // exp multiplies the rounding of its argument by its own size.
      bounds[i] *= name == "Exp" ? std::max(1.0, std::abs(values[i])) : 1;
    }
    return bounds;
  }
  return std::nullopt;
}

double amplification(const Node& node, std::span<const ConstTensorView> inputs, const TensorType& output) {
  const std::string_view name = node.op->name;
  if (name == "Add" || name == "Subtract") {
    return 1;  // of the sum of both errors
  }
  if (is_exact(node) || name == "AvgPool" || name == "ReduceMean" || name == "Sigmoid" || name == "Tanh") {
    return 1;
  }
  if (name == "Elu" || name == "HSigmoid" || name == "SoftPlus" || name == "HSwish" || name == "Swish") {
    return 1.5;
  }
  if (name == "Softmax") {
    return 2;
  }
  if (name == "Interpolate") {
    return 2.56;
  }
  if (is_product_sum(node) && inputs[1].bytes != nullptr) {
    // Ones instead of the data, magnitudes of the weights: the largest sum of weights an element meets.
    std::vector<Tensor> changed(inputs.size());
    changed[0] = Tensor(DataType::kF64, inputs[0].shape());
    std::ranges::fill(changed[0].data<double>(), 1);
    changed[1] = in_double(inputs[1], true);
    const std::vector<double> sums = evaluate_on(node, inputs, changed, output);
    return sums.empty() ? 0 : *std::ranges::max_element(sums);
  }
  if (name == "Multiply" || name == "PRelu") {
    return std::max(name == "PRelu" ? 1.0 : 0.0,
                    std::max(largest(inputs[1]), name == "PRelu" ? 0 : largest(inputs[0])));
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace fovea::tools
