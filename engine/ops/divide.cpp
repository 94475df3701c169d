// Divide: a / b, element by element, with broadcasting; integers round down, or toward zero without m_pythondiv.
// An integer divided by zero gives 0: the specification leaves it open.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/divide-1.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

struct Attributes : BroadcastAttributes {
  bool m_pythondiv = true;  ///< Integers: round down as Python's // does.

  template <class Visitor>
  void describe(Visitor& visit) {
    BroadcastAttributes::describe(visit);
    visit("m_pythondiv", m_pythondiv);
  }
  bool operator==(const Attributes&) const = default;
};

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  const bool inexact = safe_remainder(a, b) != 0;
  return safe_divide(a, b) - (inexact && (a < 0) != (b < 0) ? 1 : 0);
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return infer_binary(node.attrs<Attributes>(), inputs);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  map_pairs(
      attributes, inputs, outputs[0], [](double a, double b) { return a / b; },
      attributes.m_pythondiv ? floor_divide : safe_divide);
}

}  // namespace

extern const OpDef divide;
const OpDef divide{
    .name = "Divide",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "divide-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Divide", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
