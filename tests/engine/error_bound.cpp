#include "tests/engine/error_bound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/ops/fake_quantize.hpp"
#include "engine/ops/mat_mul.hpp"
#include "engine/ops/mvn.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"

namespace fovea::test {
namespace {

constexpr double kUnit = 1.0 / (1 << 24);  // unit roundoff of f32

/// Largest magnitude and largest absolute error of a value's elements.
struct Bound {
  double size = 0;
  double error = 0;
};

class Analysis {
 public:
  Analysis(const Graph& graph, Convolutions convolutions)
      : graph_(graph), convolutions_(convolutions), bounds_(graph.values.size()) {}

  std::vector<double> run() {
    for (const GraphPort& port : graph_.inputs) {
      at(port.value) = {1, 0};
    }
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      if (graph_.values[i].constant) {
        bounds_[i] = {largest(static_cast<ValueId>(i)), 0};
      }
    }
    for (const Node& node : graph_.nodes) {
      Bound bound = of_operator(node);
      for (const PostOp& op : node.post_ops) {
        bound = after(op, bound, op.operand == kNone ? Bound{} : input(node, static_cast<std::size_t>(op.operand)));
      }
      for (const ValueId output : node.outputs) {
        at(output) = bound;
      }
    }
    std::vector<double> errors;
    for (const GraphPort& port : graph_.outputs) {
      // A device may fold constants first, which rounds each of them once more: twice the roundings at most.
      errors.push_back(2 * at(port.value).error);
    }
    return errors;
  }

 private:
  Bound& at(ValueId id) { return bounds_.at(static_cast<std::size_t>(id)); }
  Bound input(const Node& node, std::size_t i) { return at(node.inputs.at(i)); }
  const Shape& shape(const Node& node, std::size_t i) const { return graph_.value(node.inputs.at(i)).type.shape; }

  double largest(ValueId id) const {
    double result = 0;
    for (const double value : to_doubles(graph_.constant(id)->view())) {
      result = std::max(result, std::abs(value));
    }
    return result;
  }

  double smallest(ValueId id) const {
    double result = INFINITY;
    for (const double value : to_doubles(graph_.constant(id)->view())) {
      result = std::min(result, std::abs(value));
    }
    return result;
  }

  /// Bounds of Σ a·b over `length` products.
  static Bound product_sum(Bound a, Bound b, double length) {
    const double size = length * a.size * b.size;
    return {size, length * (a.size * b.error + b.size * a.error) + (length + 2) * kUnit * size};
  }

  static Bound sum(Bound a, Bound b) { return {a.size + b.size, a.error + b.error + kUnit * (a.size + b.size)}; }

  static Bound larger(Bound a, Bound b) { return {std::max(a.size, b.size), std::max(a.error, b.error)}; }

  /// f with |f'| ≤ slope and |f(x)| ≤ size, computed with `roundings` relative roundings.
  static Bound function(Bound x, double slope, double size, double roundings) {
    return {size, slope * x.error + roundings * kUnit * size};
  }

  /// Transcendental functions are polynomials of some ten terms in the kernels: 16 roundings.
  static Bound after(const PostOp& op, Bound x, Bound operand) {
    constexpr double kTerms = 16;
    const double alpha = std::abs(static_cast<double>(op.alpha));
    const double beta = std::abs(static_cast<double>(op.beta));
    switch (op.kind) {
      case PostOpKind::kRelu:
      case PostOpKind::kElu:
        return function(x, std::max(1.0, alpha), std::max(1.0, alpha) * std::max(x.size, 1.0), kTerms);
      case PostOpKind::kClamp:
      case PostOpKind::kAbs:
        return x;
      case PostOpKind::kSigmoid:
        return function(x, 0.25, 1, kTerms);
      case PostOpKind::kTanh:
        return function(x, 1, 1, kTerms);
      case PostOpKind::kExp:
        return function(x, std::exp(x.size), std::exp(x.size), kTerms);
      case PostOpKind::kSqrt:
        return function(x, x.error == 0 ? 0 : INFINITY, std::sqrt(x.size), 2);
      case PostOpKind::kSwish:
        return function(x, 1 + alpha * x.size / 4, x.size, kTerms);
      case PostOpKind::kMish:
      case PostOpKind::kGeluErf:
      case PostOpKind::kGeluTanh:
        return function(x, 1.2, x.size, kTerms);
      case PostOpKind::kHSwish:
        return function(x, 1.5, x.size, 4);
      case PostOpKind::kHSigmoid:
        return function(x, alpha, 1 + alpha * x.size + beta, 4);
      case PostOpKind::kSoftPlus:
        return function(x, 1, x.size + 1, kTerms);
      case PostOpKind::kLinear:
        return function(x, alpha, alpha * x.size + beta, 2);
      case PostOpKind::kAdd:
        return sum(x, operand);
      case PostOpKind::kMultiply:
        return product_sum(x, operand, 1);
      case PostOpKind::kPRelu:
        return function(x, std::max(1.0, operand.size), std::max(1.0, operand.size) * x.size, 1);
    }
    return {};
  }

  /// Products each output element of a convolution sums: weights per output channel.
  double taps(const Node& node) const {
    const Shape& weights = shape(node, 1);
    const std::string_view name = node.op->name;
    const bool grouped = name.starts_with("Group");
    const bool backwards = name.ends_with("BackpropData");
    const auto outputs = static_cast<std::size_t>(grouped ? (backwards ? weights[2] : weights[1])
                                                          : (backwards ? weights[1] : weights[0]));
    return static_cast<double>(element_count(weights) / outputs / static_cast<std::size_t>(grouped ? weights[0] : 1));
  }

  bool may_use_winograd(const Node& node) const {
    const Shape& weights = shape(node, 1);
    return convolutions_ == Convolutions::kWinograd && node.op->name == "Convolution" && weights.size() == 4 &&
           weights[2] == 3 && weights[3] == 3;
  }

  Bound of_binary(std::string_view name, const Node& node) {
    const Bound a = input(node, 0);
    const Bound b = input(node, 1);
    if (name == "Add" || name == "Subtract") {
      return sum(a, b);
    }
    if (name == "Multiply") {
      return product_sum(a, b, 1);
    }
    if (name == "Maximum" || name == "Minimum") {
      return larger(a, b);
    }
    if (name == "SquaredDifference") {
      const Bound difference = sum(a, b);
      return product_sum(difference, difference, 1);
    }
    if (name == "Divide" && graph_.is_constant(node.inputs[1])) {
      // Twice rounded where it becomes a multiplication with the inverse.
      const double factor = 1 / smallest(node.inputs[1]);
      return function(a, factor, a.size * factor, 2);
    }
    return after({.kind = PostOpKind::kPRelu}, a, b);
  }

  Bound of_operator(const Node& node) {
    const std::string_view name = node.op->name;
    const Bound x = input(node, 0);
    if (name.find("Convolution") != std::string_view::npos) {
      Bound result = product_sum(x, input(node, 1), taps(node));
      if (may_use_winograd(node)) {
        // Along one axis the magnitudes |Aᵀ|·(|G|·|Bᵀ|) of F(4,3) add up to at most 48 where the direct sum has 3:
        // the last row of Aᵀ (0, 1, 1, 8, 8, 1) meets row sums of G (1/4, 1/2, 1/2, 7/24, 7/24, 1) and of Bᵀ
        // (10, 10, 10, 6, 6, 10). Two axes: 16². Each product passes one rounding of its weight, six of the input's
        // transform, the channels' sum with one for the product, and at most eight of the output's transform.
        const double channels = static_cast<double>(shape(node, 1)[1]);
        result.error += (channels + 16) * kUnit * 256 * result.size;
      }
      return result;
    }
    if (name == "MatMul") {
      const Shape& a = shape(node, 0);
      const bool transposed = node.attrs<ops::MatMulAttributes>().transpose_a && a.size() > 1;
      return product_sum(x, input(node, 1), static_cast<double>(a[a.size() - (transposed ? 2 : 1)]));
    }
    for (const std::string_view known :
         {"Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "SquaredDifference", "PRelu"}) {
      if (name == known) {
        return of_binary(name, node);
      }
    }
    if (node.op->as_post_op != nullptr) {
      if (const auto op = node.op->as_post_op(node)) {
        return after(*op, x, {});
      }
    }
    for (const std::string_view moves :
         {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "MaxPool", "Split", "VariadicSplit", "Relu"}) {
      if (name == moves) {
        return x;
      }
    }
    if (name == "Concat") {
      Bound all;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        all = larger(all, input(node, i));
      }
      return all;
    }
    const auto elements = static_cast<double>(element_count(shape(node, 0)));
    if (name == "AvgPool" || name == "ReduceMean") {
      return function(x, 1, x.size, elements + 2);  // no window holds more than the input
    }
    if (name == "Softmax") {
      return function(x, 2, 1, elements + 16);  // |∂y/∂x| sums to at most 2 y (1 − y)
    }
    if (name == "Interpolate") {
      // At most 4 · 4 taps of two axes; cubic weights sum to at most 1.6 in magnitude per axis.
      return function(x, 2.56, 2.56 * x.size, antialias_taps(node) + 8);
    }
    if (name == "MVN") {
      const double deviation = std::sqrt(static_cast<double>(node.attrs<ops::MvnAttributes>().eps));
      return function(x, 4 / deviation, std::max(std::sqrt(elements), x.size / deviation), 8);
    }
    if (name == "FakeQuantize" && x.error == 0) {
      // Exact inputs: none of the random values lies within rounding of the middle between two levels.
      return function(x, 0, larger(input(node, 3), input(node, 4)).size, 8);
    }
    fail(ErrorCode::kUnsupported, "no error analysis for {}", name);
  }

  double antialias_taps(const Node& node) const { return 2 * static_cast<double>(element_count(shape(node, 0))); }

  const Graph& graph_;
  Convolutions convolutions_;
  std::vector<Bound> bounds_;
};

}  // namespace

std::vector<double> f32_error_bounds(const Graph& graph, Convolutions convolutions) {
  return Analysis(graph, convolutions).run();
}

void randomise_constants(Graph& graph, std::uint32_t seed) {
  std::mt19937 random(seed);
  for (Value& value : graph.values) {
    if (value.constant && value.type.data_type == DataType::kF32) {
      Tensor content(value.type);
      for (float& element : content.data<float>()) {
        const float magnitude = 0.25F + static_cast<float>(random() % 4096) * (0.75F / 4096);
        element = random() % 2 == 0 ? magnitude : -magnitude;
      }
      value.constant = content;
    }
  }
}

Tensor random_input(const TensorType& type, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<double> values(element_count(type.shape));
  for (double& value : values) {
    value = static_cast<double>(random() % 65536) / 32768 - 1 + 1.0 / 131072;
    value = type.data_type == DataType::kF32 ? value : std::floor(value * 100);
  }
  Tensor tensor(type);
  store(tensor.mutable_view(), values);
  return tensor;
}

RunResult run_on(const std::string& device, const Graph& graph, std::uint32_t seed) {
  static Core core;
  Model model;
  model.name = "test";
  model.graph = graph;
  const CompiledModel compiled = core.compile_model(model, device, {{"PERFORMANCE_HINT", "LATENCY"}});
  InferRequest request = compiled.create_infer_request();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorView view = request.input(i);
    std::ranges::copy(random_input(view.type, seed + static_cast<std::uint32_t>(i)).bytes(), view.bytes);
  }
  request.infer();
  RunResult result;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ConstTensorView view = request.output(i);
    result.outputs.push_back(Tensor(view.type, view.bytes, nullptr).clone());
  }
  for (const StepInfo& step : compiled.steps()) {
    result.kernels.push_back(step.kernel);
    result.outputs_of_steps.push_back(step.output);
  }
  return result;
}

void expect_close(const Tensor& actual, const Tensor& expected, double bound, const std::string& name) {
  ASSERT_EQ(to_string(actual.type()), to_string(expected.type())) << name;
  const std::vector<double> a = to_doubles(actual.view());
  const std::vector<double> e = to_doubles(expected.view());
  // The reference's own output is rounded to f32.
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == e[i] || (std::isnan(a[i]) && std::isnan(e[i]))) {
      continue;
    }
    ASSERT_LE(std::abs(a[i] - e[i]), bound + kUnit * std::abs(e[i]))
        << name << " element " << i << ": " << a[i] << " instead of " << e[i];
  }
}

std::vector<std::string> expect_device_agrees(const std::string& device, const Graph& graph, std::uint32_t seed) {
  const RunResult actual = run_on(device, graph, seed);
  const bool winograd =
      std::ranges::any_of(actual.kernels, [](const std::string& kernel) { return kernel.starts_with("winograd"); });
  const std::vector<double> bounds =
      f32_error_bounds(graph, winograd ? Convolutions::kWinograd : Convolutions::kDirect);
  const RunResult expected = run_on("REFERENCE", graph, seed);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    EXPECT_TRUE(std::isfinite(bounds[i])) << "the analysis gives no bound";
    expect_close(actual.outputs[i], expected.outputs[i], bounds[i], graph.outputs[i].name);
  }
  return actual.kernels;
}

}  // namespace fovea::test
