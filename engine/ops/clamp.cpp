// Clamp: min(max(x, min), max), element by element; integers use the nearest bounds inside [min, max].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/clamp-1.html

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/op_def.hpp"
#include "engine/ops/unary.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("min", min);
    visit("max", max);
  }
  bool operator==(const Attributes&) const = default;
};

/// A bound as an integer, saturated.
std::int64_t to_bound(double bound) {
  constexpr double kLimit = 9223372036854774784.0;  // the largest double below 2^63
  return static_cast<std::int64_t>(std::clamp(bound, -kLimit, kLimit));
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  if (!(attributes.min <= attributes.max)) {
    fail(ErrorCode::kInvalidModel, "min is {}, expected at most max, which is {}", attributes.min, attributes.max);
  }
  return {inputs[0].type};
}

std::optional<PostOp> post_op(const Node& node) {
  const auto& attributes = node.attrs<Attributes>();
  return PostOp{.kind = PostOpKind::kClamp,
                .alpha = static_cast<float>(attributes.min),
                .beta = static_cast<float>(attributes.max)};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  if (is_float(inputs[0].type.data_type)) {
    reference_unary(node, inputs, outputs);
    return;
  }
  const std::int64_t low = to_bound(std::ceil(attributes.min));
  const std::int64_t high = to_bound(std::floor(attributes.max));
  std::vector<std::int64_t> values = to_ints(inputs[0]);
  std::ranges::transform(values, values.begin(), [&](std::int64_t x) { return std::min(std::max(x, low), high); });
  store(outputs[0], values);
}

}  // namespace

extern const OpDef clamp;
const OpDef clamp{
    .name = "Clamp",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/activation/"
        "clamp-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "Clamp", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = post_op,
};

}  // namespace fovea::ops
