// GRUCell: one time step of a gated recurrent unit.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/gru-cell-3.html

#include "engine/ops/recurrent.hpp"

namespace fovea::ops {

extern const OpDef gru_cell;
const OpDef gru_cell{
    .name = "GRUCell",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "gru-cell-3.html",
    .inputs = {4, 5},
    .openvino = {.type = "GRUCell", .versions = {3, 6}},
    .attributes = attributes_of<RecurrentAttributes<RecurrentKind::kGru, false>>(),
    .infer = infer_recurrent<RecurrentKind::kGru, false>,
    .reference = run_recurrent<RecurrentKind::kGru, false>,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
