// GRUSequence: a gated recurrent unit over all steps of a batch of sequences, in one or both directions.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/gru-sequence-5.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef gru_sequence;
const OpDef gru_sequence{
    .name = "GRUSequence",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "gru-sequence-5.html",
    .inputs = {6, 6},
    .openvino = {.type = "GRUSequence", .versions = {5}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kGru, true>>(),
    .infer = infer_recurrent<RecurrentKind::kGru, true>,
    .reference = run_recurrent<RecurrentKind::kGru, true>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
