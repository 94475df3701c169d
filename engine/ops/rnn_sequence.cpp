// RNNSequence: a plain recurrent network over all steps of a batch of sequences, in one or both directions.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/rnn-sequence-5.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef rnn_sequence;
const OpDef rnn_sequence{
    .name = "RNNSequence",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "rnn-sequence-5.html",
    .inputs = {6, 6},
    .openvino = {.type = "RNNSequence", .versions = {5}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kRnn, true>>(),
    .infer = infer_recurrent<RecurrentKind::kRnn, true>,
    .reference = run_recurrent<RecurrentKind::kRnn, true>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
