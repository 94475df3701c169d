// EmbeddingBagOffsetsSum: sums of table rows; `offsets` says where each bag begins in the list of indices. Empty bags
// get row default_index (input 3), or zeros without it or for -1. Input 4: a weight for each index.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/embedding-bag-offsets-sum-3.html

#include "engine/ops/embedding_bags.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  check_rank(inputs[1].type.shape, 1, 1, "indices");
  check_rank(inputs[2].type.shape, 1, 1, "offsets");
  check_single(node, inputs, 3, "default_index");
  check_like(node, inputs, 4, 1, "weights");
  return {bags_type(inputs[0], inputs[2].type.shape[0])};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::vector<std::int64_t> offsets = to_ints(inputs[2]);
  const std::vector<double> weights =
      has_input(inputs, 4) ? to_doubles(inputs[4]) : std::vector<double>(indices.size(), 1);
  EmbeddingBags bags(inputs[0], offsets.size());
  const auto count = static_cast<std::int64_t>(indices.size());
  for (std::size_t bag = 0; bag < offsets.size(); ++bag) {
    const std::int64_t end = bag + 1 < offsets.size() ? offsets[bag + 1] : count;
    if (offsets[bag] < 0 || end > count) {
      fail(ErrorCode::kInvalidArgument, "bag {} holds indices {} to {} of {}", bag, offsets[bag], end, count);
    }
    for (std::int64_t i = offsets[bag]; i < end; ++i) {
      bags.add(bag, indices[static_cast<std::size_t>(i)], weights[static_cast<std::size_t>(i)]);
    }
  }
  if (has_input(inputs, 3) && to_ints(inputs[3])[0] >= 0) {
    bags.fill_empty(to_ints(inputs[3])[0]);
  }
  store(outputs[0], bags.sums());
}

}  // namespace

extern const OpDef embedding_bag_offsets_sum;
const OpDef embedding_bag_offsets_sum{
    .name = "EmbeddingBagOffsetsSum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/"
        "embedding-bag-offsets-sum-3.html",
    .inputs = {3, 5},
    .openvino = {.type = "EmbeddingBagOffsetsSum", .versions = {3}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
