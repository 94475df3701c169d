// Round: to the nearest integer; halves go to the even one, or away from zero.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/round-5.html

#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea {
namespace ops {
namespace {
enum class RoundMode : std::uint8_t { kHalfToEven, kHalfAwayFromZero };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::RoundMode> {
  static constexpr std::array kNames = {std::pair{"half_to_even", ops::RoundMode::kHalfToEven},
                                        std::pair{"half_away_from_zero", ops::RoundMode::kHalfAwayFromZero}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  RoundMode mode = RoundMode::kHalfToEven;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("mode", mode);
  }
  bool operator==(const Attributes&) const = default;
};

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto identity = [](std::int64_t x) { return x; };
  if (node.attrs<Attributes>().mode == RoundMode::kHalfToEven) {
    map_elements(
        inputs[0], outputs[0], [](double x) { return std::nearbyint(x); }, identity);
  } else {
    map_elements(
        inputs[0], outputs[0], [](double x) { return std::round(x); }, identity);
  }
}

}  // namespace

extern const OpDef round;
const OpDef round{
    .name = "Round",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/arithmetic/"
        "round-5.html",
    .inputs = {1, 1},
    .openvino = {.type = "Round", .versions = {5}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer_unary,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
