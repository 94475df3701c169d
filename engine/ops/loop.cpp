// Loop: runs a body a given number of times, or for as long as it says; the first two inputs are that number (-1: no
// limit) and whether to begin.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/loop-5.html

#include "engine/ops/control_flow.hpp"

namespace fovea::ops {

extern const OpDef loop;
const OpDef loop{
    .name = "Loop",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/"
        "loop-5.html",
    .inputs = {2, kVariadic},
    .openvino = {.type = "Loop", .versions = {5}},
    .attributes = body_attributes<LoopAttributes>(),
    .infer = [](const Node& node, std::span<const InputInfo> inputs) { return infer_loop(node, inputs, true); },
    .compute = [](const Node& node,
                  std::span<const ConstTensorView> inputs) { return compute_loop(node, inputs, true); },
    .as_post_op = nullptr,
    .widen_attributes = widen_bodies<LoopAttributes>,
    .has_bodies = true,
};

}  // namespace fovea::ops
