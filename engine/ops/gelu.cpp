// Gelu: x times the normal distribution function of x, exact (erf) or by its tanh approximation.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/gelu-7.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea {
namespace ops {
namespace {
enum class Approximation : std::uint8_t { kErf, kTanh };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::Approximation> {
  static constexpr std::array kNames = {std::pair{"erf", ops::Approximation::kErf},
                                        std::pair{"tanh", ops::Approximation::kTanh}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  Approximation approximation_mode = Approximation::kErf;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("approximation_mode", approximation_mode);
  }
  bool operator==(const Attributes&) const = default;
};

std::optional<PostOp> post_op(const Node& node) {
  const bool exact = node.attrs<Attributes>().approximation_mode == Approximation::kErf;
  return PostOp{.kind = exact ? PostOpKind::kGeluErf : PostOpKind::kGeluTanh};
}

}  // namespace

extern const OpDef gelu;
const OpDef gelu{
    .name = "Gelu",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "gelu-7.html",
    .inputs = {1, 1},
    .openvino = {.type = "Gelu", .versions = {2, 7}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer_unary,
    .reference = reference_unary,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
