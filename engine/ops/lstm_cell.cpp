// LSTMCell: one time step of a long short-term memory.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/lstm-cell-1.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef lstm_cell;
const OpDef lstm_cell{
    .name = "LSTMCell",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "lstm-cell-1.html",
    .inputs = {5, 7},
    .openvino = {.type = "LSTMCell", .versions = {1, 4}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kLstm, false>>(),
    .infer = infer_recurrent<RecurrentKind::kLstm, false>,
    .reference = run_recurrent<RecurrentKind::kLstm, false>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
