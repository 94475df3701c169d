// EmbeddingSegmentsSum: sums of table rows; each index says by its segment id which sum it belongs to. Input 3: number
// of segments; 4: row for empty segments, else zeros (also for -1); 5: a weight for each index.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/embedding-segments-sum-3.html

#include "engine/ops/embedding_bags.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  check_rank(inputs[1].type.shape, 1, 1, "indices");
  check_like(node, inputs, 2, 1, "segment ids");
  check_single(node, inputs, 4, "default_index");
  check_like(node, inputs, 5, 1, "weights");
  const std::int64_t segments = constant_int(inputs[3], "number of segments");
  check_range(segments, 0, kMaxAttribute, "number of segments");
  return {bags_type(inputs[0], segments)};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::vector<std::int64_t> segments = to_ints(inputs[2]);
  const std::vector<double> weights =
      has_input(inputs, 5) ? to_doubles(inputs[5]) : std::vector<double>(indices.size(), 1);
  const auto count = static_cast<std::size_t>(outputs[0].shape()[0]);
  EmbeddingBags bags(inputs[0], count);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    bags.add(place(segments[i], count), indices[i], weights[i]);
  }
  if (has_input(inputs, 4) && to_ints(inputs[4])[0] >= 0) {
    bags.fill_empty(to_ints(inputs[4])[0]);
  }
  store(outputs[0], bags.sums());
}

}  // namespace

extern const OpDef embedding_segments_sum;
const OpDef embedding_segments_sum{
    .name = "EmbeddingSegmentsSum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sparse/"
        "embedding-segments-sum-3.html",
    .inputs = {4, 6},
    .openvino = {.type = "EmbeddingSegmentsSum", .versions = {3}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
