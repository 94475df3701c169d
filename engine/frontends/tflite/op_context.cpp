// What converters of operators share: inputs, outputs, and products in whole numbers.
#include <algorithm>
#include <cmath>

#include "engine/frontends/common/permute.hpp"
#include "engine/frontends/tflite/fixed_point.hpp"
#include "engine/frontends/tflite/importer.hpp"

namespace fovea::tflite {
namespace {

using importer::Ints;
using importer::Ref;
using schema::Activation;

/// The stored integers that an activation leaves.
StoredRange activated_range(const TensorInfo& info, Activation activation) {
  StoredRange range = stored_range(info);
  const auto stored = [&](float real) {
    const double steps =
        std::round(static_cast<double>(real / info.quant->scale[0])) + static_cast<double>(info.quant->zero_point[0]);
    return static_cast<std::int64_t>(
        std::clamp(steps, static_cast<double>(range.least), static_cast<double>(range.most)));
  };
  if (activation == Activation::kRelu || activation == Activation::kRelu6) {
    range.least = stored(0);
  }
  if (activation == Activation::kRelu6) {
    range.most = stored(6);
  }
  if (activation == Activation::kReluN1To1) {
    range = {stored(-1), stored(1)};
  }
  return range;
}

}  // namespace

bool is_limits(Activation activation) {
  return activation == Activation::kNone || activation == Activation::kRelu || activation == Activation::kRelu6 ||
         activation == Activation::kReluN1To1;
}

importer::NhwcBuilder& OpContext::nhwc() const { return importer_.nhwc(); }

importer::GraphBuilder& OpContext::graph() const { return importer_.graph(); }

std::size_t OpContext::input_count() const { return op_.inputs() == nullptr ? 0 : op_.inputs()->size(); }

std::size_t OpContext::output_count() const { return op_.outputs() == nullptr ? 0 : op_.outputs()->size(); }

bool OpContext::has_input(std::size_t i) const {
  return i < input_count() && op_.inputs()->Get(static_cast<flatbuffers::uoffset_t>(i)) >= 0;
}

const TensorInfo& OpContext::input_info(std::size_t i) const {
  if (!has_input(i)) {
    fail(ErrorCode::kInvalidModel, "input {} is missing", i);
  }
  return importer_.info(op_.inputs()->Get(static_cast<flatbuffers::uoffset_t>(i)));
}

const TensorInfo& OpContext::output_info(std::size_t i) const {
  if (i >= output_count()) {
    fail(ErrorCode::kInvalidModel, "output {} is missing", i);
  }
  return importer_.info(op_.outputs()->Get(static_cast<flatbuffers::uoffset_t>(i)));
}

Ref OpContext::input(std::size_t i) const {
  static_cast<void>(input_info(i));  // checks
  return importer_.value(op_.inputs()->Get(static_cast<flatbuffers::uoffset_t>(i)));
}

Ref OpContext::steps(std::size_t i) const {
  static_cast<void>(input_info(i));  // checks
  return importer_.steps(op_.inputs()->Get(static_cast<flatbuffers::uoffset_t>(i)));
}

Ints OpContext::ints(std::size_t i, std::string_view what) const { return nhwc().known_ints(input(i), what); }

bool OpContext::keeps_steps(std::size_t from) const {
  const TensorInfo& data = input_info(from);
  bool same = is_stepped(data);
  for (std::size_t i = 0; same && i < output_count(); ++i) {
    same = output_info(i).quant == data.quant && output_info(i).type.data_type == data.type.data_type;
  }
  return same;
}

Ref OpContext::moved_input(std::size_t from) const { return keeps_steps(from) ? steps(from) : input(from); }

bool OpContext::counts(const Product& product) const {
  const TensorInfo& w = input_info(product.weights);
  const bool per_output = w.constant && w.quant && w.quant->scale.size() > 1 && size_of(w.type.data_type) <= 2;
  const bool bias = !has_input(product.bias) ||
                    (input_info(product.bias).constant && !is_float(input_info(product.bias).type.data_type));
  return is_stepped(input_info(product.data)) && is_stepped(output_info()) && (is_stepped(w) || per_output) && bias &&
         is_limits(product.activation);
}

std::vector<double> OpContext::product_factors(const Product& product) const {
  const float x = input_info(product.data).quant->scale[0];
  const TensorInfo& w = input_info(product.weights);
  const auto y = static_cast<double>(output_info().quant->scale[0]);
  if (w.quant->scale.size() > 1 && w.quant->axis != product.outputs_axis) {
    fail(ErrorCode::kUnsupported, "{} scales along axis {} of the weights {}", w.quant->scale.size(), w.quant->axis,
         to_string(w.type.shape));
  }
  std::vector<double> factors;
  for (const float scale : w.quant->scale) {
    // The original's kernels for unsigned bytes multiply the two scales in f32, the others do not.
    const bool narrow = w.type.data_type == DataType::kU8;
    factors.push_back((narrow ? static_cast<double>(x * scale) : static_cast<double>(x) * static_cast<double>(scale)) /
                      y);
  }
  return factors;
}

Ref OpContext::data(const Product& product) const {
  return counts(product) ? steps(product.data) : input(product.data);
}

ValueId OpContext::weights(const Product& product, const Ints& order, const Shape& shape) const {
  const std::size_t i = product.weights;
  const TensorInfo& info = input_info(i);
  if (info.type.shape.size() != order.size()) {
    fail(ErrorCode::kInvalidModel, "weights of {}, expected {} axes", to_string(info.type.shape), order.size());
  }
  if (!info.constant) {
    const Ref given = counts(product) ? steps(i) : input(i);
    const ValueId turned = graph().transpose(name_ + "/weights", nhwc().plain(given), order);
    return graph().reshape(name_ + "/weights_shape", turned, shape, false);
  }
  if (info.constant->size() != element_count(shape)) {
    fail(ErrorCode::kInvalidModel, "weights of {}, expected as many as {}", to_string(info.type.shape),
         to_string(shape));
  }
  ValueId value = graph().constant(info.name, importer::permuted(*info.constant, order).reshaped(shape));
  value = graph().convert(name_ + "/weights_f32", value, DataType::kF32);
  if (!info.quant) {
    return value;
  }
  const Quantisation& q = *info.quant;
  const std::vector<float> zeros(q.zero_point.begin(), q.zero_point.end());
  const bool centred = std::ranges::all_of(zeros, [](float zero) { return zero == 0; });
  if (centred && counts(product)) {
    return value;
  }
  Shape steps(shape.size(), 1);
  if (q.scale.size() > 1) {  // along the outputs, which come first in `shape` (or are its first two axes for groups)
    const bool grouped = shape[0] != static_cast<std::int64_t>(q.scale.size());
    steps[0] = shape[0];
    steps[1] = grouped ? shape[1] : 1;
    if (element_count(steps) != q.scale.size() || order[0] != static_cast<std::int64_t>(q.axis)) {
      fail(ErrorCode::kUnsupported, "{} scales along axis {} of the weights {}", q.scale.size(), q.axis,
           to_string(info.type.shape));
    }
  }
  if (!centred) {
    value = graph().add("Subtract", name_ + "/weights_zero",
                        {value, graph().constant(name_ + "/zero_point", Tensor::of<float>(steps, zeros))});
  }
  return counts(product) ? value
                         : graph().add("Multiply", name_ + "/weights_real",
                                       {value, graph().constant(name_ + "/scale", Tensor::of<float>(steps, q.scale))});
}

Ref OpContext::with_real_bias(Ref sums, const Product& product) const {
  return has_input(product.bias) ? nhwc().with_channels("Add", name_ + "/bias", sums, nhwc().plain(input(product.bias)))
                                 : sums;
}

void OpContext::set_product(Ref sums, const Product& product) const {
  if (!counts(product)) {
    set(with_real_bias(sums, product), product.activation);
    return;
  }
  if (has_input(product.bias)) {
    // Its own scale is that of the sums, by definition: the stored integers count.
    const TensorInfo& info = input_info(product.bias);
    const ValueId bias = graph().constant(info.name, info.constant->cast(DataType::kF32));
    sums = nhwc().with_channels("Add", name_ + "/bias", sums, bias);
  }
  std::vector<double> factors = product_factors(product);
  const TensorInfo& info = output_info();
  Nudge nudge;
  if (info.type.data_type == DataType::kU8 && factors.size() == 1) {
    const StoredRange range = activated_range(info, product.activation);
    const std::int64_t zero = info.quant->zero_point[0];
    if ((product.halves_up || range.least >= zero) && range.least < range.most) {
      const Scaling scaling = fixed_point_scaling(factors[0], range.least - zero, range.most - zero);
      factors[0] = static_cast<double>(scaling.factor);
      nudge.steps = static_cast<double>(scaling.shift);
    } else {
      nudge = fixed_point_nudge(factors[0], product.halves_up);
    }
  }
  set_steps(sums, factors, product.activation, nudge);
}

Nudge OpContext::fixed_point_nudge(double factor, bool halves_up) {
  int exponent = 0;
  std::frexp(factor, &exponent);
  return {.steps = exponent < 0 ? std::ldexp(1.0, exponent - 1) : 0, .away_from_zero = !halves_up};
}

Ref OpContext::nudged_away(Ref numbers, double amount) const {
  // Numbers nearer to zero than the nudge get less of it, which is far from any half.
  const auto most = static_cast<float>(amount);
  const Ref part = nhwc().unary("Clamp", name_ + "/nudge", numbers, {{"min", -most}, {"max", most}});
  return nhwc().binary("Add", name_ + "/nudged_away", numbers, part);
}

void OpContext::set(Ref value, Activation activation) const {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      value = nhwc().unary("Relu", name_ + "/relu", value);
      break;
    case Activation::kReluN1To1:
      value = nhwc().unary("Clamp", name_ + "/relu", value, {{"min", -1}, {"max", 1}});
      break;
    case Activation::kRelu6:
      value = nhwc().unary("Clamp", name_ + "/relu6", value, {{"min", 0}, {"max", 6}});
      break;
    case Activation::kTanh:
      value = nhwc().unary("Tanh", name_ + "/tanh", value);
      break;
    default:
      fail(ErrorCode::kUnsupported, "fused activation {}", static_cast<int>(activation));
  }
  importer_.set_value(op_.outputs()->Get(0), value);
}

void OpContext::set_steps(Ref numbers, const std::vector<double>& factors, Activation activation, Nudge nudge) const {
  const TensorInfo& info = output_info();
  const StoredRange range = activated_range(info, activation);
  const auto zero = static_cast<double>(info.quant->zero_point[0]);
  const double least = static_cast<double>(range.least) - zero;
  const double most = static_cast<double>(range.most) - zero;
  std::vector<float> scales(factors.begin(), factors.end());
  if (!std::ranges::all_of(scales, [](float scale) { return std::isfinite(scale) && scale > 0; })) {
    fail(ErrorCode::kInvalidModel, "the scales of inputs and output give a factor that f32 cannot hold");
  }
  if (nudge.steps > 0 && nudge.away_from_zero && least < 0) {
    numbers = nudged_away(numbers, nudge.steps / factors[0]);
    nudge.steps = 0;
  }
  if (scales.size() > 1) {
    const auto count = static_cast<std::int64_t>(scales.size());
    numbers = nhwc().with_channels("Multiply", name_ + "/scaled", numbers,
                                   graph().constant(name_ + "/factor", Tensor::of<float>({count}, scales)));
  } else if (scales[0] != 1) {
    numbers = nhwc().with_scalars("Multiply", name_ + "/scaled", numbers, {scalar(static_cast<double>(scales[0]))});
  }
  if (least < 0 && most > 0) {
    // Positive and negative numbers are rounded apart, from 0 on: f32 is finest there, and nothing is shifted.
    if (nudge.steps != 0) {
      numbers = nhwc().with_scalars("Add", name_ + "/nudged", numbers, {scalar(nudge.steps)});
    }
    const Ref negated = nhwc().with_scalars("Multiply", name_ + "/negated", numbers, {scalar(-1)});
    numbers = nhwc().binary("Subtract", name_ + "/rounded", rounded(numbers, name_ + "/above", most, 0),
                            rounded(negated, name_ + "/below", -least, 0));
  } else {
    if (nudge.steps != least) {
      numbers = nhwc().with_scalars("Add", name_ + "/shifted", numbers, {scalar(nudge.steps - least)});
    }
    numbers = rounded(numbers, info.name + "/steps", most - least, least);
  }
  importer_.set_steps(op_.outputs()->Get(0), numbers);
}

Ref OpContext::rounded(Ref numbers, const std::string& name, double most, double low) const {
  const double span = std::max(most, 1.0);  // one level alone is none
  return nhwc().with_scalars("FakeQuantize", name, numbers, {scalar(0), scalar(span), scalar(low), scalar(low + most)},
                             {{"levels", static_cast<std::int64_t>(span) + 1}});
}

ValueId OpContext::scalar(double value) const { return graph().scalar(static_cast<float>(value)); }

void OpContext::set_moved(Ref value, std::size_t i, std::size_t from) const {
  static_cast<void>(output_info(i));  // checks
  const std::int32_t tensor = op_.outputs()->Get(static_cast<flatbuffers::uoffset_t>(i));
  if (keeps_steps(from)) {
    importer_.set_steps(tensor, value);
  } else {
    importer_.set_value(tensor, value);
  }
}

}  // namespace fovea::tflite
