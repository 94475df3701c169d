// I420toBGR: a I420 picture in one or 3 planes as [N,H,W,3] in blue, green, red.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/i420-to-bgr-8.html

#include "engine/ops/yuv.hpp"

namespace fovea::ops {

extern const OpDef i420_to_bgr;
const OpDef i420_to_bgr{
    .name = "I420toBGR",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "i420-to-bgr-8.html",
    .inputs = {1, 3},
    .openvino = {.type = "I420toBGR", .versions = {8}},
    .attributes = {},
    .infer = infer_yuv<YuvLayout::kI420>,
    .reference = convert_yuv<YuvLayout::kI420, true>,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
