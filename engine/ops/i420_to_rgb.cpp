// I420toRGB: a I420 picture in one or 3 planes as [N,H,W,3] in red, green, blue.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/i420-to-rgb-8.html

#include "engine/ops/yuv.hpp"

namespace fovea::ops {

extern const OpDef i420_to_rgb;
const OpDef i420_to_rgb{
    .name = "I420toRGB",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "i420-to-rgb-8.html",
    .inputs = {1, 3},
    .openvino = {.type = "I420toRGB", .versions = {8}},
    .attributes = {},
    .infer = infer_yuv<YuvLayout::kI420>,
    .reference = convert_yuv<YuvLayout::kI420, false>,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
