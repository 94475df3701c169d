// Bucketize: for each element, how many of the ascending bounds lie below it.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/bucketize-3.html

#include <algorithm>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kI64;
  bool with_right_bound = true;  ///< A bound itself belongs to the bucket below it.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
    visit("with_right_bound", with_right_bound);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const DataType type = node.attrs<Attributes>().output_type;
  check_index_type(type, "output_type");
  check_rank(inputs[1].type.shape, 1, 1, "buckets");
  return {{type, inputs[0].type.shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const bool right = node.attrs<Attributes>().with_right_bound;
  const std::vector<double> bounds = to_doubles(inputs[1]);
  std::vector<std::int64_t> result;
  for (const double value : to_doubles(inputs[0])) {
    const auto place = right ? std::ranges::lower_bound(bounds, value) : std::ranges::upper_bound(bounds, value);
    result.push_back(place - bounds.begin());
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef bucketize;
const OpDef bucketize{
    .name = "Bucketize",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/condition/"
        "bucketize-3.html",
    .inputs = {2, 2},
    .openvino = {.type = "Bucketize", .versions = {3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
