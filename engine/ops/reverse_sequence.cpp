// ReverseSequence: along one axis, the first elements of each batch entry in reverse order; how many, the second input
// says for each entry.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/reverse-sequence-1.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t batch_axis = 0;
  std::int64_t seq_axis = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("batch_axis", batch_axis);
    visit("seq_axis", seq_axis);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  const std::size_t batch = normalize_axis(node.attrs<Attributes>().batch_axis, shape.size(), "batch_axis");
  normalize_axis(node.attrs<Attributes>().seq_axis, shape.size(), "seq_axis");
  check_rank(inputs[1].type.shape, 1, 1, "sequence lengths");
  if (!extents_agree(inputs[1].type.shape[0], shape[batch])) {
    fail(ErrorCode::kInvalidModel, "there are {} sequence lengths, expected {}, one per batch entry",
         inputs[1].type.shape[0], shape[batch]);
  }
  return {inputs[0].type};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  const std::size_t batch = normalize_axis(node.attrs<Attributes>().batch_axis, shape.size());
  const std::size_t sequence = normalize_axis(node.attrs<Attributes>().seq_axis, shape.size());
  const std::vector<std::int64_t> lengths = to_ints(inputs[1]);
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > shape[sequence]) {
      fail(ErrorCode::kInvalidArgument, "a sequence length is {}, expected 0 to {}", length, shape[sequence]);
    }
  }
  const Shape strides = row_major_strides(shape);
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    const std::int64_t length = lengths[static_cast<std::size_t>(index[batch])];
    const std::int64_t place = index[sequence];
    const std::int64_t source = place < length ? length - 1 - place : place;
    return flat_index(index, strides) + (source - place) * strides[sequence];
  });
}

}  // namespace

extern const OpDef reverse_sequence;
const OpDef reverse_sequence{
    .name = "ReverseSequence",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "reverse-sequence-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReverseSequence", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
