// Assign: keeps its input as the content of a variable for the next run, and passes it on. Readers of models make what
// is written an output of the graph.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/assign-6.html

#include <algorithm>

#include "engine/ops/variables.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  VariableAttributes named;
  named.variable_id = node.attrs<VariableAttributes>().variable_id;
  return {variable_type(named, &inputs[0].type)};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  std::copy_n(inputs[0].bytes, byte_size(inputs[0].type), outputs[0].bytes);
}

}  // namespace

extern const OpDef assign;
const OpDef assign{
    .name = "Assign",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/"
        "assign-6.html",
    .inputs = {1, 1},
    .openvino = {.type = "Assign", .versions = {3, 6}},
    .attributes = attributes_of<VariableAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
