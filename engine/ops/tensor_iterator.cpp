// TensorIterator: runs a body for each part of its sliced inputs; values may go from one round to the next.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/tensor-iterator-1.html

#include "engine/ops/control_flow.hpp"

namespace fovea::ops {

extern const OpDef tensor_iterator;
const OpDef tensor_iterator{
    .name = "TensorIterator",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/"
        "tensor-iterator-1.html",
    .inputs = {1, kVariadic},
    .openvino = {.type = "TensorIterator", .versions = {1}},
    .attributes = body_attributes<LoopAttributes>(),
    .infer = [](const Node& node, std::span<const InputInfo> inputs) { return infer_loop(node, inputs, false); },
    .compute = [](const Node& node,
                  std::span<const ConstTensorView> inputs) { return compute_loop(node, inputs, false); },
    .as_post_op = nullptr,
    .widen_attributes = widen_bodies<LoopAttributes>,
    .has_bodies = true,
};

}  // namespace fovea::ops
