// Arithmetic, comparison, reductions, matrix products.
// https://www.tensorflow.org/mlir/tfl_ops

#include "engine/frontends/tflite/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tflite {
namespace {

using importer::Ints;
using importer::Ref;
using Code = schema::BuiltinOperator;

template <const char* kOp>
void binary(const OpContext& c) {
  c.set(c.nhwc().binary(kOp, c.name(), c.input(0), c.input(1)));
}
constexpr char kEqual[] = "Equal";
constexpr char kFloorMod[] = "FloorMod";
constexpr char kGreater[] = "Greater";
constexpr char kGreaterEqual[] = "GreaterEqual";
constexpr char kLess[] = "Less";
constexpr char kLessEqual[] = "LessEqual";
constexpr char kLogicalAnd[] = "LogicalAnd";
constexpr char kLogicalOr[] = "LogicalOr";
constexpr char kMaximum[] = "Maximum";
constexpr char kMinimum[] = "Minimum";
constexpr char kNotEqual[] = "NotEqual";
constexpr char kPower[] = "Power";
constexpr char kSquaredDifference[] = "SquaredDifference";

template <class Options>
schema::Activation activation_of(const Options* options) {
  return options == nullptr ? schema::Activation::kNone : options->activation();
}

/// Both inputs and the output are stepped, and the activation can be had by limits.
bool counts(const OpContext& c, schema::Activation activation) {
  return is_stepped(c.input_info(0)) && is_stepped(c.input_info(1)) && is_stepped(c.output_info()) &&
         is_limits(activation);
}

double scale_of(const TensorInfo& info) { return static_cast<double>(info.quant->scale[0]); }

/// Input `i` of a sum, in steps of the output.
Ref addend(const OpContext& c, std::size_t i) {
  const auto factor = static_cast<float>(scale_of(c.input_info(i)) / scale_of(c.output_info()));
  return c.nhwc().with_scalars("Multiply", fmt::format("{}/addend{}", c.name(), i), c.steps(i),
                               {c.graph().scalar(factor)});
}

/// Add and Sub.
void sum(const OpContext& c, std::string_view op, schema::Activation activation) {
  if (counts(c, activation)) {
    c.set_steps(c.nhwc().binary(op, c.name(), addend(c, 0), addend(c, 1)), {1}, activation);
  } else {
    c.set(c.nhwc().binary(op, c.name(), c.input(0), c.input(1)), activation);
  }
}

void mul(const OpContext& c) {
  const schema::Activation activation = activation_of(c.op().options_as_MulOptions());
  if (!counts(c, activation)) {
    c.set(c.nhwc().binary("Multiply", c.name(), c.input(0), c.input(1)), activation);
    return;
  }
  const double factor = scale_of(c.input_info(0)) * scale_of(c.input_info(1)) / scale_of(c.output_info());
  const bool fixed_point = c.output_info().type.data_type == DataType::kU8;
  c.set_steps(c.nhwc().binary("Multiply", c.name(), c.steps(0), c.steps(1)), {factor}, activation,
              fixed_point ? OpContext::fixed_point_nudge(factor, false) : Nudge{});
}

void div(const OpContext& c) {
  c.set(c.nhwc().binary("Divide", c.name(), c.input(0), c.input(1)), activation_of(c.op().options_as_DivOptions()));
}

void floor_div(const OpContext& c) {
  const Ref quotient = c.nhwc().binary("Divide", c.name() + "/quotient", c.input(0), c.input(1));
  c.set(is_float(c.nhwc().data_type(quotient)) ? c.nhwc().unary("Floor", c.name(), quotient) : quotient);
}

void square(const OpContext& c) { c.set(c.nhwc().binary("Multiply", c.name(), c.input(0), c.input(0))); }

void add_n(const OpContext& c) {
  Ref sum = c.input(0);
  for (std::size_t i = 1; i < c.input_count(); ++i) {
    sum = c.nhwc().binary("Add", c.name(), sum, c.input(i));
  }
  c.set(sum);
}

template <const char* kOp>
void reduce(const OpContext& c) {
  const auto* options = c.op().options_as_ReducerOptions();
  c.set(c.nhwc().reduce(kOp, c.name(), c.input(0), c.ints(1, "axes"), options != nullptr && options->keep_dims()));
}
constexpr char kReduceMax[] = "ReduceMax";
constexpr char kReduceMean[] = "ReduceMean";
constexpr char kReduceMin[] = "ReduceMin";
constexpr char kReduceProd[] = "ReduceProd";
constexpr char kReduceSum[] = "ReduceSum";
constexpr char kReduceAny[] = "ReduceLogicalOr";

void arg_extreme(const OpContext& c, bool largest) {
  const Ints axis = c.ints(1, "axis");
  if (axis.size() != 1) {
    fail(ErrorCode::kInvalidModel, "{} axes, expected 1", axis.size());
  }
  const DataType type = c.output_info().type.data_type;
  const Ref x = is_stepped(c.input_info(0)) ? c.steps(0) : c.input(0);
  c.set(c.nhwc().arg_extreme(c.name(), x, axis[0], largest, type));
}

/// Weights [outputs, inputs]; the data's axes before the last `inputs` elements become rows.
void fully_connected(const OpContext& c) {
  const auto* options = c.op().options_as_FullyConnectedOptions();
  if (options != nullptr && options->weights_format() != 0) {
    fail(ErrorCode::kUnsupported, "shuffled weights");
  }
  const Shape w = c.input_info(1).type.shape;
  ops::check_rank(w, 2, 2, "weights");
  if (!is_static(w) || element_count(w) == 0) {
    fail(ErrorCode::kInvalidModel, "weights of {}", to_string(w));
  }
  auto& n = c.nhwc();
  const bool keep = options != nullptr && options->keep_num_dims();
  const Product product = {.activation = activation_of(options)};
  ValueId rows = n.plain(c.data(product));
  const Shape& shape = c.graph().shape(rows);
  if (!keep && (shape.size() != 2 || shape[1] != w[1])) {
    rows = c.graph().reshape(c.name() + "/rows", rows, {-1, w[1]}, false);
  }
  const ValueId sums =
      c.graph().add("MatMul", c.name(), {rows, c.weights(product, {0, 1}, w)}, {{"transpose_b", true}});
  c.set_product(n.from_plain(sums), product);
}

void batch_mat_mul(const OpContext& c) {
  const auto* options = c.op().options_as_BatchMatMulOptions();
  auto& n = c.nhwc();
  const ValueId product = c.graph().add("MatMul", c.name(), {n.plain(c.input(0)), n.plain(c.input(1))},
                                        {{"transpose_a", options != nullptr && options->adjoint_x()},
                                         {"transpose_b", options != nullptr && options->adjoint_y()}});
  c.set(n.from_plain(product));
}

}  // namespace

void add_math_ops(Converters& converters) {
  const Converters own = {
      {Code::ADD, [](const OpContext& c) { sum(c, "Add", activation_of(c.op().options_as_AddOptions())); }},
      {Code::ADD_N, add_n},
      {Code::ARG_MAX, [](const OpContext& c) { arg_extreme(c, true); }},
      {Code::ARG_MIN, [](const OpContext& c) { arg_extreme(c, false); }},
      {Code::BATCH_MATMUL, batch_mat_mul},
      {Code::DIV, div},
      {Code::EQUAL, binary<kEqual>},
      {Code::FLOOR_DIV, floor_div},
      {Code::FLOOR_MOD, binary<kFloorMod>},
      {Code::FULLY_CONNECTED, fully_connected},
      {Code::GREATER, binary<kGreater>},
      {Code::GREATER_EQUAL, binary<kGreaterEqual>},
      {Code::LESS, binary<kLess>},
      {Code::LESS_EQUAL, binary<kLessEqual>},
      {Code::LOGICAL_AND, binary<kLogicalAnd>},
      {Code::LOGICAL_OR, binary<kLogicalOr>},
      {Code::MAXIMUM, binary<kMaximum>},
      {Code::MEAN, reduce<kReduceMean>},
      {Code::MINIMUM, binary<kMinimum>},
      {Code::MUL, mul},
      {Code::NOT_EQUAL, binary<kNotEqual>},
      {Code::POW, binary<kPower>},
      {Code::REDUCE_ANY, reduce<kReduceAny>},
      {Code::REDUCE_MAX, reduce<kReduceMax>},
      {Code::REDUCE_MIN, reduce<kReduceMin>},
      {Code::REDUCE_PROD, reduce<kReduceProd>},
      {Code::SQUARE, square},
      {Code::SQUARED_DIFFERENCE, binary<kSquaredDifference>},
      {Code::SUB, [](const OpContext& c) { sum(c, "Subtract", activation_of(c.op().options_as_SubOptions())); }},
      {Code::SUM, reduce<kReduceSum>},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tflite
