// NonZero: positions of the elements that are not zero, as [rank, count].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/nonzero-3.html

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kI64;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
  }
  bool operator==(const Attributes&) const = default;
};

/// Position by position, axis by axis within a position.
std::vector<std::int64_t> find_positions(const ConstTensorView& data) {
  std::vector<std::int64_t> positions;
  Shape index(data.shape().size(), 0);
  for (const double value : to_doubles(data)) {
    if (value != 0) {
      positions.insert(positions.end(), index.begin(), index.end());
    }
    next_index(index, data.shape());
  }
  return positions;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const DataType type = node.attrs<Attributes>().output_type;
  check_index_type(type, "output_type");
  return {{type, {static_cast<std::int64_t>(inputs[0].type.shape.size()), kDynamic}}};
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const std::vector<std::int64_t> positions = find_positions(inputs[0]);
  const std::size_t rank = inputs[0].shape().size();
  std::vector<std::int64_t> by_axis;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    for (std::size_t i = axis; i < positions.size(); i += rank) {
      by_axis.push_back(positions[i]);
    }
  }
  const auto signed_rank = static_cast<std::int64_t>(rank);
  const std::int64_t count =
      rank > 0 ? static_cast<std::int64_t>(positions.size()) / signed_rank : (to_doubles(inputs[0]).at(0) != 0 ? 1 : 0);
  Tensor result(node.attrs<Attributes>().output_type, {signed_rank, count});
  store(result.mutable_view(), by_axis);
  return {result};
}

}  // namespace

extern const OpDef non_zero;
const OpDef non_zero{
    .name = "NonZero",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/"
        "nonzero-3.html",
    .inputs = {1, 1},
    .openvino = {.type = "NonZero", .versions = {3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
