#include "engine/frontends/tflite/importer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/frontends/common/permute.hpp"
#include "engine/frontends/common/unsupported.hpp"

namespace fovea::tflite {
namespace {

using importer::Ints;
using importer::Ref;

struct Limits {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

/// Range of the stored integers.
Limits limits_of(const TensorInfo& info) {
  return dispatch(info.type.data_type, [&]<class T>() -> Limits {
    if constexpr (std::integral<T> && sizeof(T) <= 2) {
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    } else {
      fail(ErrorCode::kUnsupported, "tensor '{}': quantised as {}", info.name, to_string(info.type.data_type));
    }
  });
}

/// Quantised activations have one scale; tensors of 32 and 64 bits hold biases and indices.
bool is_stepped(const TensorInfo& info) {
  return info.quant && info.quant->scale.size() == 1 && size_of(info.type.data_type) <= 2;
}

/// A quantised constant as real numbers.
Tensor dequantised(const TensorInfo& info) {
  const Quantisation& q = *info.quant;
  const Shape& shape = info.type.shape;
  const bool one = q.scale.size() == 1;
  const auto extent = one ? 1 : static_cast<std::size_t>(shape[q.axis]);
  std::size_t inner = 1;
  for (std::size_t i = q.axis + 1; i < shape.size(); ++i) {
    inner *= static_cast<std::size_t>(shape[i]);
  }
  const Ints stored = to_ints(info.constant->view());
  Tensor real(DataType::kF32, shape);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::size_t channel = one ? 0 : i / inner % extent;
    real.data<float>()[i] = static_cast<float>(static_cast<double>(stored[i] - q.zero_point[channel]) *
                                               static_cast<double>(q.scale[channel]));
  }
  return real;
}

std::string operator_name(const schema::OperatorCode& code) {
  const schema::BuiltinOperator number = code_of(code);
  if (number == schema::BuiltinOperator::CUSTOM) {
    return fmt::format("custom operator '{}'", code.custom_code() == nullptr ? "" : code.custom_code()->str());
  }
  const std::string name = schema::EnumNameBuiltinOperator(number);
  return name.empty() ? fmt::format("operator number {}", static_cast<int>(number)) : name;
}

}  // namespace

const Converters& all_converters() {
  static const Converters kConverters = [] {
    Converters converters;
    add_activation_ops(converters);
    add_image_ops(converters);
    add_math_ops(converters);
    add_shape_ops(converters);
    return converters;
  }();
  return kConverters;
}

Converter find_converter(const schema::OperatorCode& code) {
  if (code_of(code) == schema::BuiltinOperator::CUSTOM) {
    const auto custom =
        custom_converters().find(code.custom_code() == nullptr ? "" : code.custom_code()->string_view());
    return custom == custom_converters().end() ? nullptr : custom->second;
  }
  const auto found = all_converters().find(code_of(code));
  return found == all_converters().end() ? nullptr : found->second;
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

Ints OpContext::ints(std::size_t i, std::string_view what) const { return nhwc().known_ints(input(i), what); }

ValueId OpContext::weights(std::size_t i, const Ints& order, const Shape& shape) const {
  const TensorInfo& info = input_info(i);
  if (!info.constant) {
    if (info.type.shape.size() != order.size()) {
      fail(ErrorCode::kInvalidModel, "weights of {}, expected {} axes", to_string(info.type.shape), order.size());
    }
    const ValueId turned = graph().transpose(name_ + "/weights", nhwc().plain(input(i)), order);
    return graph().reshape(name_ + "/weights_shape", turned, shape, false);
  }
  if (info.type.shape.size() != order.size() || info.constant->size() != element_count(shape)) {
    fail(ErrorCode::kInvalidModel, "weights of {}, expected {} axes that make {}", to_string(info.type.shape),
         order.size(), to_string(shape));
  }
  ValueId value = graph().constant(info.name, importer::permuted(*info.constant, order).reshaped(shape));
  if (!info.quant) {
    return graph().convert(name_ + "/weights_f32", value, DataType::kF32);
  }
  const Quantisation& q = *info.quant;
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
  std::vector<float> zeros(q.zero_point.begin(), q.zero_point.end());
  value = graph().convert(name_ + "/weights_f32", value, DataType::kF32);
  if (std::ranges::any_of(zeros, [](float zero) { return zero != 0; })) {
    value = graph().add("Subtract", name_ + "/weights_zero",
                        {value, graph().constant(name_ + "/zero_point", Tensor::of<float>(steps, zeros))});
  }
  return graph().add("Multiply", name_ + "/weights_real",
                     {value, graph().constant(name_ + "/scale", Tensor::of<float>(steps, q.scale))});
}

Nudge OpContext::product_nudge() const {
  const TensorInfo& x = input_info(0);
  const TensorInfo& w = input_info(1);
  const TensorInfo& y = output_info();
  if (y.type.data_type != DataType::kU8 || !is_stepped(x) || !is_stepped(w) || !is_stepped(y)) {
    return {};
  }
  int exponent = 0;
  std::frexp(static_cast<double>(x.quant->scale[0]) * static_cast<double>(w.quant->scale[0]) /
                 static_cast<double>(y.quant->scale[0]),
             &exponent);
  return {.steps = exponent < 0 ? std::ldexp(1.0, exponent - 1) : 0, .away_from_zero = true};
}

Ref OpContext::nudged(Ref value, Nudge nudge) const {
  if (nudge.steps == 0 || !is_stepped(output_info())) {
    return value;
  }
  const auto amount = static_cast<float>(nudge.steps * static_cast<double>(output_info().quant->scale[0]));
  if (!nudge.away_from_zero) {
    return nhwc().with_scalars("Add", name_ + "/nudge", value, {graph().scalar(amount)});
  }
  // Values nearer to zero than the nudge get less of it, which is far from any half.
  const Ref signed_amount = nhwc().unary("Clamp", name_ + "/nudge", value, {{"min", -amount}, {"max", amount}});
  return nhwc().binary("Add", name_ + "/nudged", value, signed_amount);
}

void OpContext::set(Ref value, schema::Activation activation, Nudge nudge) const {
  const bool rectified = activation == schema::Activation::kRelu || activation == schema::Activation::kRelu6;
  value = nudged(value, {.steps = nudge.steps, .away_from_zero = nudge.away_from_zero && !rectified});
  switch (activation) {
    case schema::Activation::kNone:
      break;
    case schema::Activation::kRelu:
      value = nhwc().unary("Relu", name_ + "/relu", value);
      break;
    case schema::Activation::kReluN1To1:
      value = nhwc().unary("Clamp", name_ + "/relu", value, {{"min", -1}, {"max", 1}});
      break;
    case schema::Activation::kRelu6:
      value = nhwc().unary("Clamp", name_ + "/relu6", value, {{"min", 0}, {"max", 6}});
      break;
    case schema::Activation::kTanh:
      value = nhwc().unary("Tanh", name_ + "/tanh", value);
      break;
    default:
      fail(ErrorCode::kUnsupported, "fused activation {}", static_cast<int>(activation));
  }
  importer_.set_value(op_.outputs()->Get(0), importer_.quantise(output_info(0), value));
}

void OpContext::set_moved(Ref value, std::size_t i, std::size_t from) const {
  const TensorInfo& to = output_info(i);
  if (!has_input(from) || input_info(from).quant != to.quant) {
    value = importer_.quantise(to, value);
  }
  importer_.set_value(op_.outputs()->Get(static_cast<flatbuffers::uoffset_t>(i)), value);
}

Importer::Importer(const TfliteFile& file)
    : file_(file), nhwc_(graph_), values_(file.tensors.size(), importer::kNoRef) {
  graph_.set_source_bytes(file.file->bytes().size());
}

const TensorInfo& Importer::info(std::int32_t tensor) const {
  if (tensor < 0 || static_cast<std::size_t>(tensor) >= file_.tensors.size()) {
    fail(ErrorCode::kInvalidModel, "refers to tensor {}, the graph has {}", tensor, file_.tensors.size());
  }
  return file_.tensors[static_cast<std::size_t>(tensor)];
}

Ref Importer::value(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  Ref& ref = values_[static_cast<std::size_t>(tensor)];
  if (ref == importer::kNoRef && one.constant) {
    ref = nhwc_.from_plain(graph_.constant(one.name, one.quant ? dequantised(one) : *one.constant));
  }
  if (ref == importer::kNoRef) {
    fail(ErrorCode::kInvalidModel, "reads tensor '{}', which nothing has computed yet", one.name);
  }
  return ref;
}

void Importer::set_value(std::int32_t tensor, Ref value) {
  const TensorInfo& one = info(tensor);
  Ref& ref = values_[static_cast<std::size_t>(tensor)];
  if (ref != importer::kNoRef || one.constant) {
    fail(ErrorCode::kInvalidModel, "writes tensor '{}', which has a value already", one.name);
  }
  ref = value;
}

Ref Importer::quantise(const TensorInfo& one, Ref value) {
  if (!is_stepped(one)) {
    return value;
  }
  const Limits limits = limits_of(one);
  const auto real = [&](std::int64_t stored) {
    return graph_.constant(one.name + "/limit",
                           Tensor::scalar(static_cast<float>(static_cast<double>(one.quant->scale[0]) *
                                                             static_cast<double>(stored - one.quant->zero_point[0]))));
  };
  const ValueId low = real(limits.least);
  const ValueId high = real(limits.most);
  return nhwc_.with_scalars("FakeQuantize", one.name + "/steps", value, {low, high, low, high},
                            {{"levels", limits.most - limits.least + 1}});
}

void Importer::add_input(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  constexpr std::size_t kImageRank = 4;
  ValueId value = graph_.input(one.name, one.type, one.type.shape.size() == kImageRank ? "NHWC" : "");
  if (is_stepped(one)) {
    value = graph_.convert(one.name + "/real", value, DataType::kF32);
    if (one.quant->zero_point[0] != 0) {
      value = graph_.add("Subtract", one.name + "/zero",
                         {value, graph_.scalar(static_cast<float>(one.quant->zero_point[0]))});
    }
    value = graph_.add("Multiply", one.name + "/scale", {value, graph_.scalar(one.quant->scale[0])});
  }
  set_value(tensor, nhwc_.from_plain(value));
}

void Importer::add_output(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  const Ref ref = value(tensor);
  ValueId result = nhwc_.plain(ref);
  if (is_stepped(one)) {
    const Limits limits = limits_of(one);
    result = graph_.add("Multiply", one.name + "/unscale", {result, graph_.scalar(1.0F / one.quant->scale[0])});
    result = graph_.add("Round", one.name + "/round", {result}, {{"mode", "half_to_even"}});
    result =
        graph_.add("Add", one.name + "/zero", {result, graph_.scalar(static_cast<float>(one.quant->zero_point[0]))});
    result = graph_.add("Clamp", one.name + "/range", {result}, {{"min", limits.least}, {"max", limits.most}});
    result = graph_.convert(one.name + "/stored", result, one.type.data_type);
  }
  graph_.output(result, one.name, graph_.rank(result) == 4 ? "NHWC" : "");
}

void Importer::check_operators() const {
  const auto* codes = file_.model->operator_codes();
  const auto* operators = file_.graph->operators();
  if (operators == nullptr || operators->size() == 0) {
    fail(ErrorCode::kInvalidModel, "the graph has no operator");
  }
  importer::UnsupportedReport report("a converter in engine/frontends/tflite");
  for (const schema::Operator* op : *operators) {
    if (codes == nullptr || op->opcode_index() >= codes->size()) {
      fail(ErrorCode::kInvalidModel, "an operator has the code {}, the file lists {}", op->opcode_index(),
           codes == nullptr ? 0 : codes->size());
    }
    if (op->outputs() == nullptr || op->outputs()->size() == 0) {
      fail(ErrorCode::kInvalidModel, "an operator has no output");
    }
    const schema::OperatorCode& code = *codes->Get(op->opcode_index());
    if (find_converter(code) == nullptr) {
      report.add(operator_name(code), info(op->outputs()->Get(0)).name);
    }
  }
  report.throw_if_any();
}

void Importer::add_operator(const schema::Operator& op) {
  const schema::OperatorCode& code = *file_.model->operator_codes()->Get(op.opcode_index());
  const OpContext context(*this, op, info(op.outputs()->Get(0)).name);
  try {
    find_converter(code)(context);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("operator '{}' ({})", context.name(), operator_name(code)));
  }
}

Graph Importer::build() {
  check_operators();
  if (file_.graph->inputs() == nullptr || file_.graph->outputs() == nullptr || file_.graph->outputs()->size() == 0) {
    fail(ErrorCode::kInvalidModel, "the graph has no inputs or no outputs");
  }
  for (const std::int32_t tensor : *file_.graph->inputs()) {
    add_input(tensor);
  }
  for (const schema::Operator* op : *file_.graph->operators()) {
    add_operator(*op);
  }
  for (const std::int32_t tensor : *file_.graph->outputs()) {
    add_output(tensor);
  }
  return graph_.finish(file_.graph->name() == nullptr ? "" : file_.graph->name()->str());
}

}  // namespace fovea::tflite
