// NV12toBGR: a NV12 picture in one or 2 planes as [N,H,W,3] in blue, green, red.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/nv12-to-bgr-8.html

#include "engine/ops/yuv.hpp"

namespace fovea::ops {

extern const OpDef nv12_to_bgr;
const OpDef nv12_to_bgr{
    .name = "NV12toBGR",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "nv12-to-bgr-8.html",
    .inputs = {1, 2},
    .openvino = {.type = "NV12toBGR", .versions = {8}},
    .attributes = {},
    .infer = infer_yuv<YuvLayout::kNv12>,
    .reference = convert_yuv<YuvLayout::kNv12, true>,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
