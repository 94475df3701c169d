// ConvolutionBackpropData: transposed convolution of data [N,C,…] with weights [C,O,k…] to [N,O,…]; the optional third
// input asks for spatial output extents.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/convolution-backprop-data-1.html

#include "engine/ops/convolve.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return infer_deconvolution(node, inputs, false);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reference_deconvolution(node, inputs, outputs[0], false);
}

}  // namespace

extern const OpDef convolution_backprop_data;
const OpDef convolution_backprop_data{
    .name = "ConvolutionBackpropData",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/"
        "convolution-backprop-data-1.html",
    .inputs = {2, 3},
    .openvino = {.type = "ConvolutionBackpropData", .versions = {1}},
    .attributes = attributes_of<DeconvolutionAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
