// AdaptiveAvgPool: means over bins that divide each spatial axis into as many parts as the second input asks for.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/adaptive-avg-pool-8.html

#include "engine/ops/adaptive_bins.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return {{inputs[0].type.data_type, adaptive_shape(inputs[0].type.shape, constant_ints(inputs[1], "output shape"))}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> result;
  for_each_bin(inputs[0].shape(), outputs[0].shape(), [&](std::size_t plane, const std::vector<std::size_t>& bin) {
    double sum = 0;
    for (const std::size_t offset : bin) {
      sum += values[plane + offset];
    }
    result.push_back(sum / static_cast<double>(bin.size()));
  });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef adaptive_avg_pool;
const OpDef adaptive_avg_pool{
    .name = "AdaptiveAvgPool",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/"
        "adaptive-avg-pool-8.html",
    .inputs = {2, 2},
    .openvino = {.type = "AdaptiveAvgPool", .versions = {8}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
