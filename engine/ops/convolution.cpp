// Convolution: data [N,C,…] with weights [O,C,k…] gives [N,O,…], one to three spatial axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/convolution-1.html

#include "engine/ops/convolve.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return infer_convolution(node, inputs, false);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reference_convolution(node, inputs, outputs[0], false);
}

}  // namespace

extern const OpDef convolution;
const OpDef convolution{
    .name = "Convolution",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/"
        "convolution-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "Convolution", .versions = {1}},
    .attributes = attributes_of<ConvolutionAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
