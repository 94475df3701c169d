// Activations, softmax and changes of quantisation.
// https://www.tensorflow.org/mlir/tfl_ops

#include "engine/frontends/tflite/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tflite {
namespace {

using importer::Attributes;
using importer::Ref;
using Code = schema::BuiltinOperator;

/// One operator of ours without attributes.
template <const char* kOp>
void unary(const OpContext& c) {
  c.set(c.nhwc().unary(kOp, c.name(), c.input(0)));
}
constexpr char kAbs[] = "Abs";
constexpr char kCeiling[] = "Ceiling";
constexpr char kCos[] = "Cos";
constexpr char kExp[] = "Exp";
constexpr char kFloor[] = "Floor";
constexpr char kLog[] = "Log";
constexpr char kLogicalNot[] = "LogicalNot";
constexpr char kNegative[] = "Negative";
constexpr char kRelu[] = "Relu";
constexpr char kRound[] = "Round";
constexpr char kSigmoid[] = "Sigmoid";
constexpr char kSin[] = "Sin";
constexpr char kSqrt[] = "Sqrt";
constexpr char kTanh[] = "Tanh";
constexpr char kHSwish[] = "HSwish";

void clamp(const OpContext& c, int least, int most) {
  c.set(c.nhwc().unary("Clamp", c.name(), c.input(0), {{"min", least}, {"max", most}}));
}

void elu(const OpContext& c) { c.set(c.nhwc().unary("Elu", c.name(), c.input(0), {{"alpha", 1}})); }

void leaky_relu(const OpContext& c) {
  const auto* options = c.op().options_as_LeakyReluOptions();
  const float alpha = options == nullptr ? 0 : options->alpha();
  const ValueId slope = c.graph().constant(c.name() + "/slope", Tensor::of<float>({1}, {alpha}));
  c.set(c.nhwc().with_scalars("PRelu", c.name(), c.input(0), {slope}));
}

/// max(x, 0) + slope · min(x, 0): the slope broadcasts as numpy has it, which PRelu's rank-1 rule does not.
void prelu(const OpContext& c) {
  auto& n = c.nhwc();
  const Ref x = c.input(0);
  const Ref slope = c.input(1);
  const Shape own = n.shape(slope);
  const Tensor* values = n.known(slope);
  const bool per_channel = values != nullptr && !own.empty() && own.back() == static_cast<std::int64_t>(values->size());
  if (per_channel && n.shape(x).size() == 4) {
    const ValueId channels = c.graph().constant(c.name() + "/slope", values->reshaped({own.back()}));
    c.set(n.from_nchw(c.graph().add("PRelu", c.name(), {n.nchw(x), channels})));
    return;
  }
  const ValueId zero = c.graph().scalar(0);
  const Ref below = n.with_scalars("Minimum", c.name() + "/below", x, {zero});
  const Ref above = n.with_scalars("Maximum", c.name() + "/above", x, {zero});
  c.set(n.binary("Add", c.name(), above, n.binary("Multiply", c.name() + "/scaled", below, slope)));
}

void gelu(const OpContext& c) {
  const auto* options = c.op().options_as_GeluOptions();
  const bool approximate = options != nullptr && options->approximate();
  c.set(c.nhwc().unary("Gelu", c.name(), c.input(0), {{"approximation_mode", approximate ? "tanh" : "erf"}}));
}

void rsqrt(const OpContext& c) {
  c.set(c.nhwc().with_scalars("Power", c.name(), c.input(0), {c.graph().scalar(-0.5F)}));
}

void softmax(const OpContext& c) {
  const auto* options = c.op().options_as_SoftmaxOptions();
  const float beta = options == nullptr ? 1 : options->beta();
  Ref x = c.input(0);
  if (beta != 1) {
    x = c.nhwc().with_scalars("Multiply", c.name() + "/beta", x, {c.graph().scalar(beta)});
  }
  c.set(c.nhwc().softmax(c.name(), x, -1));
}

void log_softmax(const OpContext& c) { c.set(c.nhwc().softmax(c.name(), c.input(0), -1, true)); }

/// x / √(sum of squares along the last axis).
void l2_normalization(const OpContext& c) {
  auto& n = c.nhwc();
  const Ref x = c.input(0);
  const auto* options = c.op().options_as_L2NormOptions();
  constexpr float kEpsilon = 1e-6F;  // TensorFlow Lite's bound below the root's result
  const Ref squares = n.binary("Multiply", c.name() + "/squares", x, x);
  const Ref sum = n.reduce("ReduceSum", c.name() + "/sum", squares, {-1}, true);
  const Ref root = n.unary("Sqrt", c.name() + "/root", sum);
  const Ref bounded = n.with_scalars("Maximum", c.name() + "/bounded", root, {c.graph().scalar(kEpsilon)});
  c.set(n.binary("Divide", c.name(), x, bounded),
        options == nullptr ? schema::Activation::kNone : options->activation());
}

void local_response_normalization(const OpContext& c) {
  const auto* options = c.op().options_as_LrnOptions();
  if (options == nullptr) {
    fail(ErrorCode::kInvalidModel, "has no options");
  }
  ops::check_range(options->radius(), 0, ops::kMaxAttribute / 2, "radius");
  const std::int64_t size = 2 * std::int64_t{options->radius()} + 1;
  auto& n = c.nhwc();
  // Ours divides alpha by the size of the window.
  c.set(n.from_nchw(c.graph().add("LRN", c.name(), {n.nchw(c.input(0)), c.graph().ints({1})},
                                  {{"alpha", static_cast<double>(options->alpha()) * static_cast<double>(size)},
                                   {"beta", options->beta()},
                                   {"bias", options->bias()},
                                   {"size", size}})));
}

/// To other steps, or from real numbers to steps.
void quantise(const OpContext& c) {
  const TensorInfo& from = c.input_info(0);
  const TensorInfo& to = c.output_info();
  if (!is_stepped(from) || !is_stepped(to)) {
    c.set(c.input(0));
    return;
  }
  const double factor = static_cast<double>(from.quant->scale[0]) / static_cast<double>(to.quant->scale[0]);
  const bool fixed_point = to.type.data_type == DataType::kU8;
  c.set_steps(c.steps(0), {factor}, schema::Activation::kNone,
              fixed_point ? OpContext::fixed_point_nudge(factor, false) : Nudge{});
}

void dequantise(const OpContext& c) { c.set(c.nhwc().convert(c.name(), c.input(0), DataType::kF32)); }

}  // namespace

void add_activation_ops(Converters& converters) {
  const Converters own = {
      {Code::ABS, unary<kAbs>},
      {Code::CEIL, unary<kCeiling>},
      {Code::COS, unary<kCos>},
      {Code::DEQUANTIZE, dequantise},
      {Code::ELU, elu},
      {Code::EXP, unary<kExp>},
      {Code::FLOOR, unary<kFloor>},
      {Code::GELU, gelu},
      {Code::HARD_SWISH, unary<kHSwish>},
      {Code::L2_NORMALIZATION, l2_normalization},
      {Code::LEAKY_RELU, leaky_relu},
      {Code::LOCAL_RESPONSE_NORMALIZATION, local_response_normalization},
      {Code::LOG, unary<kLog>},
      {Code::LOGICAL_NOT, unary<kLogicalNot>},
      {Code::LOGISTIC, unary<kSigmoid>},
      {Code::LOG_SOFTMAX, log_softmax},
      {Code::NEG, unary<kNegative>},
      {Code::PRELU, prelu},
      {Code::QUANTIZE, quantise},
      {Code::RELU, unary<kRelu>},
      {Code::RELU6, [](const OpContext& c) { clamp(c, 0, 6); }},
      {Code::RELU_N1_TO_1, [](const OpContext& c) { clamp(c, -1, 1); }},
      {Code::ROUND, unary<kRound>},
      {Code::RSQRT, rsqrt},
      {Code::SIN, unary<kSin>},
      {Code::SOFTMAX, softmax},
      {Code::SQRT, unary<kSqrt>},
      {Code::TANH, unary<kTanh>},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tflite
