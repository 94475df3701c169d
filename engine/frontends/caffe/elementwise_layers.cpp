// Layers that work element by element or per channel: activations, arithmetic, normalisation.
// https://caffe.berkeleyvision.org/tutorial/layers.html

#include <cmath>

#include "engine/frontends/caffe/layers.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::caffe {
namespace {

using importer::Ints;
using Values = std::vector<ValueId>;

/// One operator without attributes.
template <const char* kOp>
Values unary(const LayerContext& c) {
  return {c.graph.add(kOp, c.name(), {c.bottom()})};
}
constexpr char kAbs[] = "Abs";
constexpr char kSigmoid[] = "Sigmoid";
constexpr char kSoftPlus[] = "SoftPlus";
constexpr char kTanh[] = "Tanh";
constexpr char kSwish[] = "Swish";
constexpr char kMish[] = "Mish";

Values relu(const LayerContext& c) {
  const float slope = c.layer.relu_param().negative_slope();
  if (slope == 0) {
    return {c.graph.add("Relu", c.name(), {c.bottom()})};
  }
  return {c.graph.add("PRelu", c.name(), {c.bottom(), c.constant("slope", Tensor::of<float>({1}, {slope}))})};
}

Values prelu(const LayerContext& c) {
  const Shape& shape = c.graph.shape(c.bottom());
  ops::check_rank(shape, 2, 16, "bottom");
  const std::int64_t slopes = c.layer.prelu_param().channel_shared() ? 1 : shape[1];
  return {c.graph.add("PRelu", c.name(), {c.bottom(), c.constant("slope", c.blob(0, {slopes}, "slopes"))})};
}

Values relu6(const LayerContext& c) { return {c.graph.add("Clamp", c.name(), {c.bottom()}, {{"min", 0}, {"max", 6}})}; }

Values clip(const LayerContext& c) {
  const ClipParameter& p = c.layer.clip_param();
  if (!p.has_min() || !p.has_max()) {
    fail(ErrorCode::kInvalidModel, "clip_param needs min and max");
  }
  return {c.graph.add("Clamp", c.name(), {c.bottom()}, {{"min", p.min()}, {"max", p.max()}})};
}

Values elu(const LayerContext& c) {
  return {c.graph.add("Elu", c.name(), {c.bottom()}, {{"alpha", c.layer.elu_param().alpha()}})};
}

/// scale·x + shift, left out where it changes nothing.
ValueId linear(const LayerContext& c, float scale, float shift) {
  ValueId value = c.bottom();
  if (scale != 1) {
    value = c.graph.add("Multiply", c.name("scale"), {value, c.graph.scalar(scale)});
  }
  if (shift != 0) {
    value = c.graph.add("Add", c.name("shift"), {value, c.graph.scalar(shift)});
  }
  return value;
}

Values power(const LayerContext& c) {
  const PowerParameter& p = c.layer.power_param();
  const ValueId base = linear(c, p.scale(), p.shift());
  return {p.power() == 1 ? base : c.graph.add("Power", c.name(), {base, c.graph.scalar(p.power())})};
}

/// base^(scale·x + shift); base −1 stands for e.
Values exponential(const LayerContext& c) {
  const ExpParameter& p = c.layer.exp_param();
  if (p.base() != -1 && p.base() <= 0) {
    fail(ErrorCode::kInvalidModel, "base is {}, expected above 0, or −1 for e", p.base());
  }
  const float factor = p.base() == -1 ? 1.0F : std::log(p.base());
  return {c.graph.add("Exp", c.name(), {linear(c, p.scale() * factor, p.shift() * factor)})};
}

/// log_base(scale·x + shift); base −1 stands for e.
Values logarithm(const LayerContext& c) {
  const LogParameter& p = c.layer.log_param();
  if (p.base() != -1 && (p.base() <= 0 || p.base() == 1)) {
    fail(ErrorCode::kInvalidModel, "base is {}, expected above 0 and not 1, or −1 for e", p.base());
  }
  const ValueId log = c.graph.add("Log", c.name(), {linear(c, p.scale(), p.shift())});
  return {p.base() == -1 ? log
                         : c.graph.add("Multiply", c.name("base"), {log, c.graph.scalar(1.0F / std::log(p.base()))})};
}

Values threshold(const LayerContext& c) {
  const ValueId above =
      c.graph.add("Greater", c.name(), {c.bottom(), c.graph.scalar(c.layer.threshold_param().threshold())});
  return {c.graph.convert(c.name("to_f32"), above, DataType::kF32)};
}

Values eltwise(const LayerContext& c) {
  const EltwiseParameter& p = c.layer.eltwise_param();
  const bool sum = p.operation() == EltwiseParameter::SUM;
  if (p.coeff_size() != 0 && (!sum || p.coeff_size() != static_cast<int>(c.bottoms.size()))) {
    fail(ErrorCode::kInvalidModel, "{} coefficients for {} bottom blobs, expected one each, and for SUM only",
         p.coeff_size(), c.bottoms.size());
  }
  const auto term = [&](std::size_t i) {
    const float factor = p.coeff_size() == 0 ? 1.0F : p.coeff(static_cast<int>(i));
    return factor == 1.0F ? c.bottom(i)
                          : c.graph.add("Multiply", c.name("coefficient"), {c.bottom(i), c.graph.scalar(factor)});
  };
  const std::string_view op = sum ? "Add" : p.operation() == EltwiseParameter::MAX ? "Maximum" : "Multiply";
  ValueId value = term(0);
  for (std::size_t i = 1; i < c.bottoms.size(); ++i) {
    if (c.graph.shape(c.bottom(i)) != c.graph.shape(c.bottom(0))) {
      fail(ErrorCode::kInvalidModel, "bottom blobs of {} and {}, expected one shape",
           to_string(c.graph.shape(c.bottom(0))), to_string(c.graph.shape(c.bottom(i))));
    }
    value = c.graph.add(op, c.name(), {value, term(i)});
  }
  return {value};
}

/// The running mean and variance, each divided by the running factor.
Values batch_norm(const LayerContext& c) {
  const BatchNormParameter& p = c.layer.batch_norm_param();
  if (p.has_use_global_stats() && !p.use_global_stats()) {
    fail(ErrorCode::kUnsupported, "use_global_stats is false: statistics of the batch are for training");
  }
  const Shape& shape = c.graph.shape(c.bottom());
  ops::check_rank(shape, 2, 16, "bottom");
  const Tensor mean = c.blob(0, {shape[1]}, "mean");
  const Tensor variance = c.blob(1, {shape[1]}, "variance");
  const double factor = c.blob(2, {1}, "factor").data<float>()[0];
  const double unscale = factor == 0 ? 0 : 1 / factor;
  Shape broadcast(shape.size(), 1);
  broadcast[1] = shape[1];
  Tensor scale(DataType::kF32, broadcast);
  Tensor shift(DataType::kF32, broadcast);
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const double deviation = std::sqrt(std::as_const(variance).data<float>()[i] * unscale + p.eps());
    scale.data<float>()[i] = static_cast<float>(1 / deviation);
    shift.data<float>()[i] = static_cast<float>(-std::as_const(mean).data<float>()[i] * unscale / deviation);
  }
  const ValueId scaled = c.graph.add("Multiply", c.name(), {c.bottom(), c.constant("scale", std::move(scale))});
  return {c.graph.add("Add", c.name("shift"), {scaled, c.constant("shift", std::move(shift))})};
}

/// `small` with axes of extent 1 around it, so that it broadcasts over `rank` axes from `axis` on.
Shape aligned(const Shape& small, std::size_t axis, std::size_t rank) {
  if (axis + small.size() > rank) {
    fail(ErrorCode::kInvalidModel, "{} from axis {} on does not fit into {} axes", to_string(small), axis, rank);
  }
  Shape shape(rank, 1);
  std::ranges::copy(small, shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return shape;
}

/// The second operand of Scale and Bias: the second bottom, or a blob that covers `num_axes` axes of the first.
ValueId operand(const LayerContext& c, std::size_t axis, std::int64_t num_axes, std::string_view what) {
  const Shape shape = c.graph.shape(c.bottom());
  if (c.bottoms.size() > 1) {
    const Shape& small = c.graph.shape(c.bottoms[1]);
    return c.graph.reshape(c.name(what), c.bottoms[1], aligned(small, axis, shape.size()), false);
  }
  const std::size_t covered = num_axes < 0 ? shape.size() - axis : static_cast<std::size_t>(num_axes);
  if (axis + covered > shape.size()) {
    fail(ErrorCode::kInvalidModel, "num_axes is {}, the bottom {} has fewer from axis {} on", num_axes,
         to_string(shape), axis);
  }
  const auto begin = shape.begin() + static_cast<std::ptrdiff_t>(axis);
  const Shape small(begin, begin + static_cast<std::ptrdiff_t>(covered));
  return c.constant(what, c.blob(0, small, what).reshaped(aligned(small, axis, shape.size())));
}

Values scale(const LayerContext& c) {
  const ScaleParameter& p = c.layer.scale_param();
  const std::size_t axis = c.axis(p.axis());
  const ValueId factor = operand(c, axis, p.num_axes(), "scale");
  const ValueId product = c.graph.add("Multiply", c.name(), {c.bottom(), factor});
  if (!p.bias_term()) {
    return {product};
  }
  const Tensor& bias = c.blob(c.bottoms.size() > 1 ? 0 : 1, "bias");
  if (bias.size() != element_count(c.graph.shape(factor))) {
    fail(ErrorCode::kInvalidModel, "the bias {} does not fit the scale {}", to_string(bias.shape()),
         to_string(c.graph.shape(factor)));
  }
  return {c.graph.add("Add", c.name("bias"), {product, c.constant("bias", bias.reshaped(c.graph.shape(factor)))})};
}

Values bias(const LayerContext& c) {
  const BiasParameter& p = c.layer.bias_param();
  return {c.graph.add("Add", c.name(), {c.bottom(), operand(c, c.axis(p.axis()), p.num_axes(), "bias")})};
}

Values lrn(const LayerContext& c) {
  const LRNParameter& p = c.layer.lrn_param();
  const bool across = p.norm_region() == LRNParameter::ACROSS_CHANNELS;
  ops::check_rank(c.graph.shape(c.bottom()), 4, 4, "bottom");
  // Within channels Caffe leaves k out of the formula.
  return {c.graph.add(
      "LRN", c.name(), {c.bottom(), c.graph.ints(across ? Ints{1} : Ints{2, 3})},
      {{"alpha", p.alpha()}, {"beta", p.beta()}, {"bias", across ? p.k() : 1.0F}, {"size", p.local_size()}})};
}

Values mvn(const LayerContext& c) {
  const MVNParameter& p = c.layer.mvn_param();
  const std::size_t rank = c.graph.rank(c.bottom());
  Ints axes;
  for (std::size_t i = p.across_channels() ? 1 : 2; i < rank; ++i) {
    axes.push_back(static_cast<std::int64_t>(i));
  }
  constexpr int kOpset = 6;
  return {c.graph.add("MVN", c.name(), {c.bottom(), c.graph.ints(axes)},
                      {{"normalize_variance", p.normalize_variance()}, {"eps", p.eps()}, {"eps_mode", "outside_sqrt"}},
                      kOpset)};
}

/// SSD's L2 normalisation with learned factors.
Values normalize(const LayerContext& c) {
  const NormalizeParameter& p = c.layer.norm_param();
  const Shape& shape = c.graph.shape(c.bottom());
  ops::check_rank(shape, 4, 4, "bottom");
  const ValueId norm = c.graph.add("NormalizeL2", c.name("norm"),
                                   {c.bottom(), c.graph.ints(p.across_spatial() ? Ints{1, 2, 3} : Ints{1})},
                                   {{"eps", p.eps()}, {"eps_mode", "add"}});
  const Shape factors = p.channel_shared() ? Shape{1} : Shape{1, shape[1], 1, 1};
  return {c.graph.add("Multiply", c.name(), {norm, c.constant("scale", c.blob(0, factors, "scale"))})};
}

Values softmax(const LayerContext& c) {
  return {c.graph.add("Softmax", c.name(), {c.bottom()}, {{"axis", c.axis(c.layer.softmax_param().axis())}})};
}

}  // namespace

void add_elementwise_layers(Converters& converters) {
  const Converters own = {
      {"AbsVal", unary<kAbs>},
      {"BNLL", unary<kSoftPlus>},
      {"BatchNorm", batch_norm},
      {"Bias", bias},
      {"Clip", clip},
      {"ELU", elu},
      {"Eltwise", eltwise},
      {"Exp", exponential},
      {"LRN", lrn},
      {"Log", logarithm},
      {"MVN", mvn},
      {"Mish", unary<kMish>},
      {"Normalize", normalize},
      {"PReLU", prelu},
      {"Power", power},
      {"ReLU", relu},
      {"ReLU6", relu6},
      {"Scale", scale},
      {"Sigmoid", unary<kSigmoid>},
      {"Softmax", softmax},
      {"Swish", unary<kSwish>},
      {"TanH", unary<kTanh>},
      {"Threshold", threshold},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::caffe
