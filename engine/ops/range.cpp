// Range: start, start+step, … up to but without stop; the inputs are three single values.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/range-4.html

#include <algorithm>
#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/type_attribute.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kF32;  ///< From opset 4 on; before, the type of the inputs.
  int opset = 4;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
  }
  bool operator==(const Attributes&) const = default;
};

double single(const InputInfo& input, std::string_view what) {
  const std::vector<double> values = constant_doubles(input, what);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected 1", what, values.size());
  }
  return values[0];
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const DataType type = attributes.opset >= 4 ? attributes.output_type : inputs[0].type.data_type;
  if (std::ranges::any_of(inputs, [](const InputInfo& input) { return input.value == nullptr; })) {
    return {{type, {kDynamic}}};
  }
  double start = single(inputs[0], "start");
  double stop = single(inputs[1], "stop");
  double step = single(inputs[2], "step");
  if (!is_float(type)) {
    start = std::trunc(start);
    stop = std::trunc(stop);
    step = std::trunc(step);
  }
  const double count = std::ceil((stop - start) / step);
  if (step == 0 || !(count <= static_cast<double>(kMaxTensorBytes))) {
    fail(ErrorCode::kInvalidModel, "range from {} to {} by {} has no finite number of elements", start, stop, step);
  }
  return {{type, {count > 0 ? static_cast<std::int64_t>(count) : 0}}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::size_t count = element_count(outputs[0].shape());
  if (is_float(outputs[0].type.data_type)) {
    const double start = to_doubles(inputs[0]).at(0);
    const double step = to_doubles(inputs[2]).at(0);
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = start + static_cast<double>(i) * step;
    }
    store(outputs[0], values);
    return;
  }
  const std::int64_t start = to_ints(inputs[0]).at(0);
  const std::int64_t step = to_ints(inputs[2]).at(0);
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = wrap_add(start, wrap_multiply(static_cast<std::int64_t>(i), step));
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef range;
const OpDef range{
    .name = "Range",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/"
        "range-4.html",
    .inputs = {3, 3},
    .openvino = {.type = "Range", .versions = {1, 4}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
    .widen_attributes = widen_type_attribute<Attributes, &Attributes::output_type>,
};

}  // namespace fovea::ops
