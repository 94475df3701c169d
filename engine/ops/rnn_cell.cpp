// RNNCell: one time step of a plain recurrent network.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/rnn-cell-3.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef rnn_cell;
const OpDef rnn_cell{
    .name = "RNNCell",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "rnn-cell-3.html",
    .inputs = {4, 5},
    .openvino = {.type = "RNNCell", .versions = {1, 3, 6}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kRnn, false>>(),
    .infer = infer_recurrent<RecurrentKind::kRnn, false>,
    .reference = run_recurrent<RecurrentKind::kRnn, false>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
