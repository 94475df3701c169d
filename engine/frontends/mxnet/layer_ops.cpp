// Convolution, pooling, normalisation, activation.

#include <cmath>

#include "engine/frontends/mxnet/converters.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::mxnet {
namespace {

using importer::Attributes;
using importer::Ints;
using Values = std::vector<ValueId>;

/// `list` of one value per spatial axis, or as many of `fallback`.
Ints spatial(const NodeContext& c, std::string_view attribute, std::size_t axes, std::int64_t fallback) {
  Ints list = c.list(attribute);
  if (list.empty()) {
    list.assign(axes, fallback);
  }
  if (list.size() != axes) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected {}", attribute, list.size(), axes);
  }
  return list;
}

/// Adds a parameter [C] along axis 1.
ValueId add_channels(const NodeContext& c, ValueId value, const Tensor& bias) {
  Shape shape(c.graph.rank(value), 1);
  ops::check_rank(shape, 2, 16, "data");
  shape[1] = static_cast<std::int64_t>(bias.size());
  return c.graph.add("Add", c.name() + "/bias",
                     {value, c.graph.constant(c.name() + "/bias_values", bias.reshaped(shape))});
}

Shape join(Shape front, const Shape& back, std::size_t from) {
  front.insert(front.end(), back.begin() + static_cast<std::ptrdiff_t>(from), back.end());
  return front;
}

/// Weights [O,I/group,…] or, transposed, [I,O/group,…].
Values convolution(const NodeContext& c) {
  const bool transposed = c.node.op == "Deconvolution";
  const Tensor& weights = c.parameter(1, "weights");
  ops::check_rank(weights.shape(), 3, 5, "weights");
  const std::size_t axes = weights.shape().size() - 2;
  const std::int64_t groups = c.integer("num_group", 1);
  if (groups < 1 || weights.shape()[0] % groups != 0) {
    fail(ErrorCode::kInvalidModel, "num_group {} does not divide {}", groups, weights.shape()[0]);
  }
  if (!c.list("target_shape").empty()) {
    fail(ErrorCode::kUnsupported, "target_shape is not supported");
  }
  const Ints pads = spatial(c, "pad", axes, 0);
  Attributes attributes = {{"strides", spatial(c, "stride", axes, 1)},
                           {"dilations", spatial(c, "dilate", axes, 1)},
                           {"pads_begin", pads},
                           {"pads_end", pads}};
  if (transposed) {
    attributes.emplace_back("output_padding", spatial(c, "adj", axes, 0));
  }
  const Shape grouped = join({groups, weights.shape()[0] / groups}, weights.shape(), 1);
  const ValueId own = groups == 1 ? c.input(1) : c.graph.constant(c.name() + "/weights", weights.reshaped(grouped));
  const std::string op = fmt::format("{}Convolution{}", groups == 1 ? "" : "Group", transposed ? "BackpropData" : "");
  const ValueId product = c.graph.add(op, c.name(), {c.input(0), own}, attributes);
  const bool bias = !c.flag("no_bias", transposed) && c.inputs.size() > 2;
  return {bias ? add_channels(c, product, c.parameter(2, "bias")) : product};
}

Values fully_connected(const NodeContext& c) {
  ValueId rows = c.input(0);
  if (c.flag("flatten", true) && c.graph.rank(rows) != 2) {
    rows = c.graph.reshape(c.name() + "/flatten", rows, {0, -1});
  }
  const ValueId product = c.graph.add("MatMul", c.name(), {rows, c.input(1)}, {{"transpose_b", true}});
  const bool bias = !c.flag("no_bias", false) && c.inputs.size() > 2;
  return {bias ? c.graph.add("Add", c.name() + "/bias", {product, c.input(2)}) : product};
}

/// Inputs: data, gamma, beta, mean, variance.
Values batch_norm(const NodeContext& c) {
  const Tensor gamma = c.parameter(1, "gamma").cast(DataType::kF32);
  const Tensor beta = c.parameter(2, "beta").cast(DataType::kF32);
  const Tensor mean = c.parameter(3, "mean").cast(DataType::kF32);
  const Tensor variance = c.parameter(4, "variance").cast(DataType::kF32);
  const std::size_t count = gamma.size();
  if (beta.size() != count || mean.size() != count || variance.size() != count) {
    fail(ErrorCode::kInvalidModel, "gamma, beta, mean and variance have {}, {}, {} and {} values", count, beta.size(),
         mean.size(), variance.size());
  }
  const bool fixed = c.flag("fix_gamma", true);
  const double epsilon = c.number("eps", 1e-3);
  Shape broadcast(c.shape().size(), 1);
  broadcast.at(c.axis("axis", 1)) = static_cast<std::int64_t>(count);
  Tensor scale(DataType::kF32, broadcast);
  Tensor shift(DataType::kF32, broadcast);
  for (std::size_t i = 0; i < count; ++i) {
    const double factor = (fixed ? 1.0 : static_cast<double>(gamma.data<float>()[i])) /
                          std::sqrt(static_cast<double>(variance.data<float>()[i]) + epsilon);
    scale.data<float>()[i] = static_cast<float>(factor);
    shift.data<float>()[i] = static_cast<float>(static_cast<double>(beta.data<float>()[i]) -
                                                factor * static_cast<double>(mean.data<float>()[i]));
  }
  const ValueId scaled =
      c.graph.add("Multiply", c.name(), {c.input(0), c.graph.constant(c.name() + "/scale", std::move(scale))});
  return {c.graph.add("Add", c.name() + "/shift", {scaled, c.graph.constant(c.name() + "/offset", std::move(shift))})};
}

Values pooling(const NodeContext& c) {
  const std::string type = c.text("pool_type", "max");
  if (type != "max" && type != "avg") {
    fail(ErrorCode::kUnsupported, "pool_type '{}'", type);
  }
  const bool maximum = type == "max";
  const std::size_t rank = c.shape().size();
  ops::check_rank(c.shape(), 3, 5, "data");
  if (c.flag("global_pool", false)) {
    Ints axes;
    for (std::size_t i = 2; i < rank; ++i) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
    return {c.graph.add(maximum ? "ReduceMax" : "ReduceMean", c.name(), {c.input(0), c.graph.ints(axes)},
                        {{"keep_dims", true}})};
  }
  const std::string convention = c.text("pooling_convention", "valid");
  if (convention != "valid" && convention != "full") {
    fail(ErrorCode::kUnsupported, "pooling_convention '{}'", convention);
  }
  const Ints pads = spatial(c, "pad", rank - 2, 0);
  Attributes attributes = {{"kernel", spatial(c, "kernel", rank - 2, 1)},
                           {"strides", spatial(c, "stride", rank - 2, 1)},
                           {"pads_begin", pads},
                           {"pads_end", pads},
                           {"rounding_type", convention == "full" ? "ceil" : "floor"}};
  if (!maximum) {
    attributes.emplace_back("exclude-pad", !c.flag("count_include_pad", true));
  }
  constexpr int kOneOutput = 1;  // from opset 8 on, MaxPool has a second one
  return {c.graph.add(maximum ? "MaxPool" : "AvgPool", c.name(), {c.input(0)}, attributes, kOneOutput)};
}

Values activation(const NodeContext& c) {
  static const std::map<std::string, std::string, std::less<>> kKinds = {
      {"relu", "Relu"}, {"sigmoid", "Sigmoid"}, {"softrelu", "SoftPlus"}, {"softsign", "SoftSign"}, {"tanh", "Tanh"}};
  const auto found = kKinds.find(c.text("act_type", ""));
  if (found == kKinds.end()) {
    fail(ErrorCode::kUnsupported, "act_type '{}'", c.text("act_type", ""));
  }
  return {c.graph.add(found->second, c.name(), {c.input(0)})};
}

Values leaky_relu(const NodeContext& c) {
  const std::string type = c.text("act_type", "leaky");
  const auto slope = static_cast<float>(c.number("slope", 0.25));
  if (type == "leaky") {
    const ValueId factor = c.graph.constant(c.name() + "/slope", Tensor::of<float>({1}, {slope}));
    return {c.graph.add("PRelu", c.name(), {c.input(0), factor})};
  }
  if (type == "prelu") {
    return {c.graph.add("PRelu", c.name(), {c.input(0), c.input(1)})};
  }
  if (type == "elu") {
    return {c.graph.add("Elu", c.name(), {c.input(0)}, {{"alpha", slope}})};
  }
  if (type == "gelu") {
    return {c.graph.add("Gelu", c.name(), {c.input(0)}, {{"approximation_mode", "erf"}})};
  }
  fail(ErrorCode::kUnsupported, "act_type '{}'", type);
}

Values hard_sigmoid(const NodeContext& c) {
  return {c.graph.add("HardSigmoid", c.name(),
                      {c.input(0), c.graph.scalar(static_cast<float>(c.number("alpha", 0.2))),
                       c.graph.scalar(static_cast<float>(c.number("beta", 0.5)))})};
}

Values clip(const NodeContext& c) {
  return {c.graph.add("Clamp", c.name(), {c.input(0)},
                      {{"min", c.number("a_min", -INFINITY)}, {"max", c.number("a_max", INFINITY)}})};
}

/// Along the last axis for softmax, along the channels for what ends a classifier.
Values softmax(const NodeContext& c) {
  const bool last = c.node.op == "softmax" || c.node.op == "log_softmax";
  std::int64_t fallback = last ? -1 : 1;
  if (c.node.op == "SoftmaxActivation" && c.text("mode", "instance") == "instance") {
    fallback = -1;
  }
  return {c.graph.add(c.node.op == "log_softmax" ? "LogSoftmax" : "Softmax", c.name(), {c.input(0)},
                      {{"axis", c.axis("axis", fallback)}})};
}

Values lrn(const NodeContext& c) {
  return {c.graph.add("LRN", c.name(), {c.input(0), c.graph.ints({1})},
                      {{"alpha", c.number("alpha", 1e-4)},
                       {"beta", c.number("beta", 0.75)},
                       {"bias", c.number("knorm", 2)},
                       {"size", c.integer("nsize", 5)}})};
}

Values l2_normalization(const NodeContext& c) {
  const std::string mode = c.text("mode", "instance");
  Ints axes;
  for (std::size_t i = mode == "spatial" ? 2 : 1; i < (mode == "channel" ? 2 : c.shape().size()); ++i) {
    axes.push_back(static_cast<std::int64_t>(i));
  }
  return {c.graph.add("NormalizeL2", c.name(), {c.input(0), c.graph.ints(axes)},
                      {{"eps", c.number("eps", 1e-10)}, {"eps_mode", "add"}})};
}

Values up_sampling(const NodeContext& c) {
  if (c.text("sample_type", "nearest") != "nearest" || c.inputs.size() != 1) {
    fail(ErrorCode::kUnsupported, "sample_type '{}' of {} inputs", c.text("sample_type", ""), c.inputs.size());
  }
  const std::int64_t scale = c.integer("scale", 1);
  ops::check_range(scale, 1, ops::kMaxAttribute, "scale");
  const auto factor = static_cast<float>(scale);
  const ValueId scales = c.graph.constant(c.name() + "/scales", Tensor::of<float>({2}, {factor, factor}));
  return {c.graph.add("Interpolate", c.name(), {c.input(0), scales, c.graph.ints({2, 3})},
                      {{"mode", "nearest"},
                       {"shape_calculation_mode", "scales"},
                       {"coordinate_transformation_mode", "asymmetric"},
                       {"nearest_mode", "floor"}})};
}

}  // namespace

void add_layer_ops(Converters& converters) {
  const Converters own = {
      {"Activation", activation},
      {"BatchNorm", batch_norm},
      {"Convolution", convolution},
      {"Deconvolution", convolution},
      {"FullyConnected", fully_connected},
      {"L2Normalization", l2_normalization},
      {"LRN", lrn},
      {"LeakyReLU", leaky_relu},
      {"Pooling", pooling},
      {"SoftmaxActivation", softmax},
      {"SoftmaxOutput", softmax},
      {"UpSampling", up_sampling},
      {"clip", clip},
      {"hard_sigmoid", hard_sigmoid},
      {"log_softmax", softmax},
      {"softmax", softmax},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::mxnet
