// Reshape: the same elements under another shape; -1 in the pattern is what remains, 0 copies the input's extent when
// special_zero is set.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/reshape-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool special_zero = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("special_zero", special_zero);
  }
  bool operator==(const Attributes&) const = default;
};

[[noreturn]] void refuse(const Shape& input, const Shape& pattern) {
  fail(ErrorCode::kInvalidModel, "cannot reshape {} to {}", to_string(input), to_string(pattern));
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const bool special_zero = node.attrs<Attributes>().special_zero;
  const Shape& input = inputs[0].type.shape;
  if (const Shape open = open_shape(inputs[1]); !open.empty()) {
    return {{inputs[0].type.data_type, open}};
  }
  const std::vector<std::int64_t> pattern = constant_ints(inputs[1], "target shape");
  Shape result = pattern;
  // Extents that are copied stand on both sides and cancel out, so that a dynamic one among them does no harm.
  std::vector<bool> copied(input.size(), false);
  std::int64_t wanted = 1;
  std::size_t open = result.size();
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (pattern[i] == 0 && special_zero) {
      if (i >= input.size()) {
        refuse(input, pattern);
      }
      result[i] = input[i];
      copied[i] = true;
    } else if (pattern[i] == -1) {
      if (open != result.size()) {
        fail(ErrorCode::kInvalidModel, "target shape {} has more than one -1", to_string(pattern));
      }
      open = i;
    } else if (pattern[i] < -1) {
      refuse(input, pattern);
    } else {
      wanted = multiply_extents(wanted, pattern[i]);
    }
  }
  std::int64_t given = 1;
  for (std::size_t i = 0; i < input.size(); ++i) {
    given = copied[i] ? given : multiply_extents(given, input[i]);
  }
  if (open != result.size()) {
    if (given != kDynamic && (wanted == 0 ? given != 0 : given % wanted != 0)) {
      refuse(input, pattern);
    }
    result[open] = given == kDynamic ? kDynamic : wanted == 0 ? 0 : given / wanted;
  } else if (!extents_agree(given, wanted)) {
    refuse(input, pattern);
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  copy_all(inputs[0], outputs[0]);
}

}  // namespace

extern const OpDef reshape;
const OpDef reshape{
    .name = "Reshape",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/shape/"
        "reshape-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Reshape", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
