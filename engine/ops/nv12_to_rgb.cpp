// NV12toRGB: a NV12 picture in one or 2 planes as [N,H,W,3] in red, green, blue.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/nv12-to-rgb-8.html

#include "engine/ops/yuv.hpp"

namespace fovea::ops {

extern const OpDef nv12_to_rgb;
const OpDef nv12_to_rgb{
    .name = "NV12toRGB",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "nv12-to-rgb-8.html",
    .inputs = {1, 2},
    .openvino = {.type = "NV12toRGB", .versions = {8}},
    .attributes = {},
    .infer = infer_yuv<YuvLayout::kNv12>,
    .reference = convert_yuv<YuvLayout::kNv12, false>,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
