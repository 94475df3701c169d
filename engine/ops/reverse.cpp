// Reverse: mirrors the data along the axes the second input names, or marks with true (mode mask).
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/reverse-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class ReverseMode : std::uint8_t { kIndex, kMask };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::ReverseMode> {
  static constexpr std::array kNames = {std::pair{"index", ops::ReverseMode::kIndex},
                                        std::pair{"mask", ops::ReverseMode::kMask}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  ReverseMode mode = ReverseMode::kIndex;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("mode", mode);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<std::size_t> read_axes(ReverseMode mode, const std::vector<std::int64_t>& values, std::size_t rank) {
  if (mode == ReverseMode::kIndex) {
    return normalize_axes(values, rank);
  }
  if (values.size() != rank) {
    fail(ErrorCode::kInvalidModel, "the mask has {} values, expected {}", values.size(), rank);
  }
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < rank; ++i) {
    if (values[i] != 0) {
      axes.push_back(i);
    }
  }
  return axes;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  read_axes(node.attrs<Attributes>().mode, constant_ints(inputs[1], "axes"), inputs[0].type.shape.size());
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  Shape strides = row_major_strides(shape);
  std::int64_t start = 0;
  for (const std::size_t axis : read_axes(node.attrs<Attributes>().mode, to_ints(inputs[1]), shape.size())) {
    start += (shape[axis] - 1) * strides[axis];
    strides[axis] = -strides[axis];
  }
  move_elements(inputs[0], outputs[0], [&](const Shape& index) { return start + flat_index(index, strides); });
}

}  // namespace

extern const OpDef reverse;
const OpDef reverse{
    .name = "Reverse",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "reverse-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Reverse", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
