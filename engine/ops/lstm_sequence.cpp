// LSTMSequence: a long short-term memory over all steps of a batch of sequences, in one or both directions.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/lstm-sequence-5.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef lstm_sequence;
const OpDef lstm_sequence{
    .name = "LSTMSequence",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "lstm-sequence-5.html",
    .inputs = {7, 8},
    .openvino = {.type = "LSTMSequence", .versions = {1, 5}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kLstm, true>>(),
    .infer = infer_recurrent<RecurrentKind::kLstm, true>,
    .reference = run_recurrent<RecurrentKind::kLstm, true>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
