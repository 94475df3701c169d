// ONNX's quantised forms: quantise, dequantise, and integer convolutions and products, computed exactly: integers below
// 2^24 are exact in f32, and rounding goes to even, as the specification says.
#include <algorithm>

#include "engine/frontends/onnx/importer.hpp"
#include "engine/frontends/onnx/ops/common.hpp"
#include "engine/frontends/onnx/ops/windows.hpp"

namespace fovea::onnx {
namespace {

struct Limits {
  double low = 0;
  double high = 0;
};

Limits limits_of(const NodeContext& node, DataType type) {
  switch (type) {
    case DataType::kU8:
      return {0, 255};
    case DataType::kI8:
      return {-128, 127};
    case DataType::kU16:
      return {0, 65535};
    case DataType::kI16:
      return {-32768, 32767};
    default:
      node.unsupported(fmt::format("quantises to {}, expected integers of 8 or 16 bits", to_string(type)));
  }
}

/// A scale or zero point: one value, or one per index along `axis` of a tensor of this rank.
ValueId along(NodeContext& node, ValueId parameter, std::int64_t axis, std::size_t rank) {
  if (node.rank(parameter) != 1 || rank == 0) {
    return parameter;
  }
  Shape shape(rank, 1);
  const std::int64_t count = node.shape(parameter)[0];
  if (count != 1) {
    shape[static_cast<std::size_t>(node.normal_axis(axis, rank))] = count;
  }
  return node.reshape(parameter, count == 1 ? Shape{} : shape);
}

/// Scale and zero point of one quantised tensor, ready to broadcast; the zero point is f32.
struct Quantisation {
  ValueId scale = kNone;
  ValueId zero = kNone;  ///< kNone: 0.
};

Quantisation read_quantisation(NodeContext& node, std::size_t scale, std::size_t zero, std::int64_t axis,
                               std::size_t rank) {
  Quantisation result;
  result.scale = along(node, node.convert(node.input(scale), DataType::kF32), axis, rank);
  if (node.has_input(zero)) {
    const Tensor* content = node.known(node.input(zero));
    const bool nothing =
        content != nullptr && std::ranges::all_of(to_doubles(content->view()), [](double z) { return z == 0; });
    result.zero = nothing ? kNone : along(node, node.convert(node.input(zero), DataType::kF32), axis, rank);
  }
  return result;
}

/// x as f32, its zero point taken off.
ValueId centred(NodeContext& node, ValueId x, ValueId zero) {
  const ValueId wide = node.convert(x, DataType::kF32);
  return zero == kNone ? wide : node.add("Subtract", {wide, zero});
}

/// saturate(round(x / scale) + zero) as `type`.
ValueId quantise(NodeContext& node, ValueId x, const Quantisation& to, DataType type) {
  const Limits limits = limits_of(node, type);
  ValueId steps = node.add("Round", {node.add("Divide", {x, to.scale})}, {{"mode", "half_to_even"}});
  steps = to.zero == kNone ? steps : node.add("Add", {steps, to.zero});
  return node.convert(node.add("Clamp", {steps}, {{"min", limits.low}, {"max", limits.high}}), type);
}

ValueId dequantise(NodeContext& node, ValueId x, const Quantisation& from) {
  return node.add("Multiply", {centred(node, x, from.zero), from.scale});
}

/// The element type that a zero point at this input states.
DataType stated_type(NodeContext& node, std::size_t zero) {
  return node.has_input(zero) ? node.data_type(node.input(zero)) : DataType::kU8;
}

/// Zero point of a matrix's rows (left) or columns (right), or of all of it.
ValueId matrix_zero(NodeContext& node, std::size_t input, bool left) {
  if (!node.has_input(input)) {
    return kNone;
  }
  const ValueId zero = node.convert(node.input(input), DataType::kF32);
  const bool per_row = left && node.rank(zero) == 1 && node.shape(zero)[0] != 1;
  return per_row ? node.unsqueeze(zero, {1}) : zero;
}

ValueId matrix_scale(NodeContext& node, std::size_t input, bool left) {
  const ValueId scale = node.convert(node.input(input), DataType::kF32);
  const bool per_row = left && node.rank(scale) == 1 && node.shape(scale)[0] != 1;
  return per_row ? node.unsqueeze(scale, {1}) : scale;
}

/// Operators of com.microsoft that compute in floats between quantised ends.
/// \param parameters  Index of the scale of the first input; its zero point follows.
ValueId dequantised_input(NodeContext& node, std::size_t data, std::size_t parameters) {
  const ValueId x = node.input(data);
  return dequantise(node, x, read_quantisation(node, parameters, parameters + 1, 1, node.rank(x)));
}

ValueId requantised(NodeContext& node, ValueId x, std::size_t parameters) {
  return quantise(node, x, read_quantisation(node, parameters, parameters + 1, 1, node.rank(x)),
                  stated_type(node, parameters + 1));
}

bool same_content(const NodeContext& node, ValueId a, ValueId b) {
  if (a == b) {
    return true;
  }
  const Tensor* first = node.known(a);
  const Tensor* second = node.known(b);
  return first != nullptr && second != nullptr && first->type() == second->type() &&
         std::ranges::equal(first->bytes(), second->bytes());
}

/// Quantising and dequantising with the same constants is one FakeQuantize, which passes and kernels know.
/// \return kNone when x does not come from such a node.
ValueId fake_quantise(NodeContext& node, ValueId x) {
  const QuantisedFrom* from = node.importer().find_quantised(x);
  const ValueId zero_input = node.has_input(2) ? node.input(2) : kNone;
  if (from == nullptr || from->axis != node.integer("axis", 1) || !same_content(node, from->scale, node.input(1)) ||
      !same_content(node, from->zero, zero_input)) {
    return kNone;
  }
  const QuantisedFrom origin = *from;
  const Tensor* scale_content = node.known(origin.scale);
  const Tensor* zero_content = node.known(origin.zero);
  if (scale_content == nullptr || (origin.zero != kNone && zero_content == nullptr)) {
    return kNone;
  }
  const Shape shape = scale_content->shape();
  const std::vector<double> scales = to_doubles(scale_content->view());
  std::vector<double> zeros(scales.size(), 0.0);
  if (zero_content != nullptr) {
    zeros = to_doubles(zero_content->view());
  }
  const Limits limits = limits_of(node, node.data_type(x));
  if (zeros.size() != scales.size() || std::ranges::any_of(scales, [](double scale) { return !(scale > 0); })) {
    return kNone;
  }
  std::vector<double> low;
  std::vector<double> high;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    low.push_back((limits.low - zeros[i]) * scales[i]);
    high.push_back((limits.high - zeros[i]) * scales[i]);
  }
  const std::int64_t axis = node.integer("axis", 1);
  const auto limit = [&](const std::vector<double>& values) {
    return along(node, node.constant(Tensor::of<double>(shape, values).cast(DataType::kF32)), axis, node.rank(x));
  };
  const ValueId lows = limit(low);
  const ValueId highs = limit(high);
  const auto levels = static_cast<std::int64_t>(limits.high - limits.low) + 1;
  return node.add("FakeQuantize", {origin.source, lows, highs, lows, highs}, {{"levels", levels}});
}

}  // namespace

Values convert_quantize_linear(NodeContext& node) {
  const ValueId x = node.convert(node.input(0), DataType::kF32);
  const Quantisation to = read_quantisation(node, 1, 2, node.integer("axis", 1), node.rank(x));
  const ValueId result = quantise(node, x, to, stated_type(node, 2));
  node.importer().remember_quantised(
      result, {x, node.input(1), node.has_input(2) ? node.input(2) : kNone, node.integer("axis", 1)});
  return {result};
}

Values convert_dequantize_linear(NodeContext& node) {
  const ValueId x = node.input(0);
  if (const ValueId result = fake_quantise(node, x); result != kNone) {
    return {result};
  }
  return {dequantise(node, x, read_quantisation(node, 1, 2, node.integer("axis", 1), node.rank(x)))};
}

Values convert_dynamic_quantize_linear(NodeContext& node) {
  const ValueId x = node.input(0);
  const ValueId axes = node.integer_list(NodeContext::all_axes(node.rank(x)));
  const ValueId zero = node.scalar(DataType::kF32, 0);
  // The range always holds 0, so that 0 has an exact counterpart.
  const ValueId high = node.add("Maximum", {node.add("ReduceMax", {x, axes}), zero});
  const ValueId low = node.add("Minimum", {node.add("ReduceMin", {x, axes}), zero});
  const ValueId scale = node.add("Divide", {node.add("Subtract", {high, low}), node.scalar(DataType::kF32, 255)});
  const ValueId offset = node.add("Divide", {node.add("Negative", {low}), scale});
  const ValueId point =
      node.add("Round", {node.add("Clamp", {offset}, {{"min", 0.0}, {"max", 255.0}})}, {{"mode", "half_to_even"}});
  return {quantise(node, x, {scale, point}, DataType::kU8), scale, node.convert(point, DataType::kU8)};
}

Values convert_conv_integer(NodeContext& node) {
  const auto zero = [&](std::size_t input) {
    return node.has_input(input) ? node.convert(node.input(input), DataType::kF32) : kNone;
  };
  ValueId weights_zero = zero(3);
  if (weights_zero != kNone) {
    weights_zero = along(node, weights_zero, 0, node.rank(node.input(1)));
  }
  const ValueId data = centred(node, node.input(0), zero(2));
  const ValueId weights = centred(node, node.input(1), weights_zero);
  return {node.convert(add_convolution(node, data, weights), DataType::kI32)};
}

Values convert_qlinear_conv(NodeContext& node) {
  const std::size_t rank = node.rank(node.input(0));
  const Quantisation data = read_quantisation(node, 1, 2, 1, rank);
  const Quantisation weights = read_quantisation(node, 4, 5, 0, rank);
  const ValueId sums =
      add_convolution(node, centred(node, node.input(0), data.zero), centred(node, node.input(3), weights.zero));
  ValueId biased = sums;
  if (node.has_input(8)) {
    biased = add_channel_bias(node, sums, node.convert(node.input(8), DataType::kF32));
  }
  // Scales of the weights belong to the output's channels.
  const ValueId channel_scale = along(node, node.convert(node.input(4), DataType::kF32), 1, rank);
  const ValueId real = node.add("Multiply", {biased, node.add("Multiply", {data.scale, channel_scale})});
  return {quantise(node, real, read_quantisation(node, 6, 7, 1, rank), stated_type(node, 7))};
}

Values convert_mat_mul_integer(NodeContext& node) {
  const ValueId a = centred(node, node.input(0), matrix_zero(node, 2, true));
  const ValueId b = centred(node, node.input(1), matrix_zero(node, 3, false));
  return {node.convert(node.add("MatMul", {a, b}), DataType::kI32)};
}

Values convert_qlinear_mat_mul(NodeContext& node) {
  const ValueId a = centred(node, node.input(0), matrix_zero(node, 2, true));
  const ValueId b = centred(node, node.input(3), matrix_zero(node, 5, false));
  const ValueId scale = node.add("Multiply", {matrix_scale(node, 1, true), matrix_scale(node, 4, false)});
  const ValueId real = node.add("Multiply", {node.add("MatMul", {a, b}), scale});
  const Quantisation to{matrix_scale(node, 6, true), node.has_input(7) ? matrix_zero(node, 7, true) : kNone};
  return {quantise(node, real, to, stated_type(node, 7))};
}

Values convert_qlinear_binary(NodeContext& node) {
  const std::string_view op = node.op_type() == "QLinearMul" ? "Multiply" : "Add";
  const ValueId real = node.add(op, {dequantised_input(node, 0, 1), dequantised_input(node, 3, 4)});
  return {requantised(node, real, 6)};
}

Values convert_qlinear_unary(NodeContext& node) {
  const ValueId x = dequantised_input(node, 0, 1);
  const ValueId real = node.op_type() == "QLinearSigmoid"
                           ? node.add("Sigmoid", {x})
                           : node.add("PRelu", {x, node.scalar(DataType::kF32, node.real("alpha", 0.01))});
  return {requantised(node, real, 3)};
}

Values convert_qlinear_global_average_pool(NodeContext& node) {
  if (node.flag("channels_last", false)) {
    node.unsupported("has channels_last=1");
  }
  const ValueId x = dequantised_input(node, 0, 1);
  const ValueId mean =
      node.add("ReduceMean", {x, node.integer_list(NodeContext::all_axes(node.rank(x), 2))}, {{"keep_dims", true}});
  return {requantised(node, mean, 3)};
}

Values convert_qlinear_concat(NodeContext& node) {
  Values parts;
  // Output scale and zero point, then data, scale and zero point of each part.
  for (std::size_t i = 2; i + 1 < node.input_count(); i += 3) {
    parts.push_back(dequantised_input(node, i, i + 1));
  }
  if (parts.empty()) {
    node.invalid("has no parts");
  }
  return {requantised(node, node.add("Concat", parts, {{"axis", node.integer("axis", 1)}}), 0)};
}

}  // namespace fovea::onnx
