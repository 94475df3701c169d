// ReorgYolo: YOLO v2's pass-through layer, [N,C,H,W] to [N,C*s*s,H/s,W/s] in darknet's own order (not that of
// SpaceToDepth).
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/reorg-yolo-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t stride = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("stride", stride);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t stride = node.attrs<Attributes>().stride;
  const Shape& shape = inputs[0].type.shape;
  check_rank(shape, 4, 4, "data");
  check_static(shape, "data");
  check_range(stride, 1, 1 << 15, "stride");
  if (shape[1] % (stride * stride) != 0 || shape[2] % stride != 0 || shape[3] % stride != 0) {
    fail(ErrorCode::kInvalidModel, "data {} does not divide by stride {} (channels: by its square)", to_string(shape),
         stride);
  }
  return {{inputs[0].type.data_type,
           {shape[0], multiply_extents(shape[1], stride * stride), shape[2] / stride, shape[3] / stride}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::int64_t s = node.attrs<Attributes>().stride;
  const Shape& shape = inputs[0].shape();
  const std::int64_t channels = shape[1] / (s * s);
  // Darknet walks the *input's* extents when it numbers the output; only the flat order of the output matters.
  const TensorView walked{inputs[0].type, outputs[0].bytes};
  move_elements(inputs[0], walked, [&](const Shape& index) {
    const std::int64_t offset = index[1] / channels;
    const std::int64_t plane = index[0] * channels + index[1] % channels;
    const std::int64_t row = index[2] * s + offset / s;
    return (plane * shape[2] * s + row) * shape[3] * s + index[3] * s + offset % s;
  });
}

}  // namespace

extern const OpDef reorg_yolo;
const OpDef reorg_yolo{
    .name = "ReorgYolo",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "reorg-yolo-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "ReorgYolo", .versions = {1, 2}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
