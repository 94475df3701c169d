// AvgPool: the mean of each window; pads count as zeros, or not at all with exclude-pad. What reaches beyond the pads
// (rounding_type ceil) never counts.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/avg-pool-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/pool.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return {{inputs[0].type.data_type, pool_shape(node.attrs<PoolAttributes>(), inputs[0].type.shape)}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<PoolAttributes>();
  const std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> result;
  for_each_window(attributes, inputs[0].shape(), [&](std::size_t plane, const WindowElements& window) {
    double sum = 0;
    std::int64_t inside = 0;
    window.visit([&](std::size_t offset) {
      sum += values[plane + offset];
      ++inside;
    });
    const std::int64_t count = attributes.exclude_pad ? inside : window.padded_count;
    result.push_back(count == 0 ? 0.0 : sum / static_cast<double>(count));
  });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef avg_pool;
const OpDef avg_pool{
    .name = "AvgPool",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/"
        "avg-pool-1.html",
    .inputs = {1, 1},
    .openvino = {.type = "AvgPool", .versions = {1, 14}},
    .attributes = attributes_of<PoolAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
