// GroupConvolution: data [N,C,…] with weights [G,O/G,C/G,k…] gives [N,O,…]; group g reads and writes its own channels.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/group-convolution-1.html

#include "engine/ops/convolve.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  return infer_convolution(node, inputs, true);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reference_convolution(node, inputs, outputs[0], true);
}

}  // namespace

extern const OpDef group_convolution;
const OpDef group_convolution{
    .name = "GroupConvolution",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/convolution/"
        "group-convolution-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "GroupConvolution", .versions = {1}},
    .attributes = attributes_of<ConvolutionAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
