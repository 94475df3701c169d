// EmbeddingBagPackedSum: sums of table rows, as many for each bag: indices [bags, n]. Input 2: a weight for each index.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/embedding-bag-packed-sum-3.html

#include "engine/ops/embedding_bags.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  check_rank(inputs[1].type.shape, 2, 2, "indices");
  check_like(node, inputs, 2, 1, "weights");
  return {bags_type(inputs[0], inputs[1].type.shape[0])};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[1].shape();
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::vector<double> weights =
      has_input(inputs, 2) ? to_doubles(inputs[2]) : std::vector<double>(indices.size(), 1);
  EmbeddingBags bags(inputs[0], static_cast<std::size_t>(shape[0]));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    bags.add(i / static_cast<std::size_t>(shape[1]), indices[i], weights[i]);
  }
  store(outputs[0], bags.sums());
}

}  // namespace

extern const OpDef embedding_bag_packed_sum;
const OpDef embedding_bag_packed_sum{
    .name = "EmbeddingBagPackedSum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/"
        "embedding-bag-packed-sum-3.html",
    .inputs = {2, 3},
    .openvino = {.type = "EmbeddingBagPackedSum", .versions = {3}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
