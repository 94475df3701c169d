// DFT: discrete Fourier transform of complex numbers, pairs along the last axis, along given axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/dft-7.html

#include "engine/ops/fourier.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  complex_transform(inputs, outputs[0], false);
}

}  // namespace

extern const OpDef dft;
const OpDef dft{
    .name = "DFT",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/"
        "dft-7.html",
    .inputs = {2, 3},
    .openvino = {.type = "DFT", .versions = {7}},
    .attributes = {},
    .infer = infer_complex_transform,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
