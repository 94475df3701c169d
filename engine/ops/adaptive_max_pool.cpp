// AdaptiveMaxPool: largest elements of bins that divide each spatial axis into as many parts as the second input asks
// for, and their flat positions among the spatial axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/adaptive-max-pool-8.html

#include "engine/ops/adaptive_bins.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType index_element_type = DataType::kI64;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("index_element_type", index_element_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const DataType type = node.attrs<Attributes>().index_element_type;
  check_index_type(type, "index_element_type");
  const Shape shape = adaptive_shape(inputs[0].type.shape, constant_ints(inputs[1], "output shape"));
  return {{inputs[0].type.data_type, shape}, {type, shape}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<double> values = to_doubles(inputs[0]);
  std::vector<double> result;
  std::vector<std::int64_t> positions;
  for_each_bin(inputs[0].shape(), outputs[0].shape(), [&](std::size_t plane, const std::vector<std::size_t>& bin) {
    std::size_t best = bin.front();
    for (const std::size_t offset : bin) {
      best = values[plane + offset] > values[plane + best] ? offset : best;
    }
    result.push_back(values[plane + best]);
    positions.push_back(static_cast<std::int64_t>(best));
  });
  store(outputs[0], result);
  store(outputs[1], positions);
}

}  // namespace

extern const OpDef adaptive_max_pool;
const OpDef adaptive_max_pool{
    .name = "AdaptiveMaxPool",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/"
        "adaptive-max-pool-8.html",
    .inputs = {2, 2},
    .openvino = {.type = "AdaptiveMaxPool", .versions = {8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
