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

/// A stepped constant as whole numbers.
Tensor centred(const TensorInfo& info) {
  const Ints stored = to_ints(info.constant->view());
  Tensor whole(DataType::kF32, info.type.shape);
  std::ranges::transform(stored, whole.data<float>().begin(),
                         [&](std::int64_t value) { return static_cast<float>(value - info.quant->zero_point[0]); });
  return whole;
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

bool is_stepped(const TensorInfo& info) {
  return info.quant && info.quant->scale.size() == 1 && size_of(info.type.data_type) <= 2;
}

StoredRange stored_range(const TensorInfo& info) {
  return dispatch(info.type.data_type, [&]<class T>() -> StoredRange {
    if constexpr (std::integral<T> && sizeof(T) <= 2) {
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    } else {
      fail(ErrorCode::kUnsupported, "tensor '{}': quantised as {}", info.name, to_string(info.type.data_type));
    }
  });
}

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

Importer::Importer(const TfliteFile& file) : file_(file), nhwc_(graph_), values_(file.tensors.size()) {
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
  Held& held = values_[static_cast<std::size_t>(tensor)];
  if (held.real == importer::kNoRef && one.constant) {
    held.real = nhwc_.from_plain(graph_.constant(one.name, one.quant ? dequantised(one) : *one.constant));
  } else if (held.real == importer::kNoRef && held.steps != importer::kNoRef) {
    held.real = nhwc_.with_scalars("Multiply", one.name + "/real", held.steps, {graph_.scalar(one.quant->scale[0])});
  }
  if (held.real == importer::kNoRef) {
    fail(ErrorCode::kInvalidModel, "reads tensor '{}', which nothing has computed yet", one.name);
  }
  return held.real;
}

Ref Importer::steps(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  Held& held = values_[static_cast<std::size_t>(tensor)];
  if (held.steps == importer::kNoRef && one.constant && is_stepped(one)) {
    held.steps = nhwc_.from_plain(graph_.constant(one.name + "/steps", centred(one)));
  }
  if (held.steps == importer::kNoRef) {
    fail(ErrorCode::kInvalidModel, "reads tensor '{}', which nothing has computed yet", one.name);
  }
  return held.steps;
}

Importer::Held& Importer::unset(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  Held& held = values_[static_cast<std::size_t>(tensor)];
  if (held.real != importer::kNoRef || held.steps != importer::kNoRef || one.constant) {
    fail(ErrorCode::kInvalidModel, "writes tensor '{}', which has a value already", one.name);
  }
  return held;
}

void Importer::set_value(std::int32_t tensor, Ref value) {
  const TensorInfo& one = info(tensor);
  Held& held = unset(tensor);
  if (!is_stepped(one)) {
    held.real = value;
    return;
  }
  const StoredRange range = stored_range(one);
  const double zero = static_cast<double>(one.quant->zero_point[0]);
  const auto limit = [&](std::int64_t stored, double unit) {
    return graph_.constant(one.name + "/limit",
                           Tensor::scalar(static_cast<float>((static_cast<double>(stored) - zero) * unit)));
  };
  const auto scale = static_cast<double>(one.quant->scale[0]);
  held.steps = nhwc_.with_scalars(
      "FakeQuantize", one.name + "/steps", value,
      {limit(range.least, scale), limit(range.most, scale), limit(range.least, 1), limit(range.most, 1)},
      {{"levels", range.most - range.least + 1}});
}

void Importer::set_steps(std::int32_t tensor, Ref steps) { unset(tensor).steps = steps; }

void Importer::add_input(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  constexpr std::size_t kImageRank = 4;
  ValueId value = graph_.input(one.name, one.type, one.type.shape.size() == kImageRank ? "NHWC" : "");
  if (!is_stepped(one)) {
    set_value(tensor, nhwc_.from_plain(value));
    return;
  }
  value = graph_.convert(one.name + "/stored", value, DataType::kF32);
  if (one.quant->zero_point[0] != 0) {
    value = graph_.add("Subtract", one.name + "/zero",
                       {value, graph_.scalar(static_cast<float>(one.quant->zero_point[0]))});
  }
  set_steps(tensor, nhwc_.from_plain(value));
}

void Importer::add_output(std::int32_t tensor) {
  const TensorInfo& one = info(tensor);
  ValueId result = nhwc_.plain(is_stepped(one) ? steps(tensor) : value(tensor));
  if (is_stepped(one)) {
    if (one.quant->zero_point[0] != 0) {
      result =
          graph_.add("Add", one.name + "/zero", {result, graph_.scalar(static_cast<float>(one.quant->zero_point[0]))});
    }
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
