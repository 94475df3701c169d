// DetectionOutput: decodes box predictions against priors and keeps the best detections of each class. Inputs: location
// [N,P*L*4], confidence [N,P*C], priors [1 or N,2,P*4], and optionally those of a first stage: arm confidence, arm
// location.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/detectionoutput-8.html

#include "engine/ops/detection.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  if (inputs.size() == 4) {
    fail(ErrorCode::kInvalidModel, "has 4 inputs, expected 3 or 5");
  }
  std::vector<Shape> shapes;
  for (const InputInfo& input : inputs) {
    shapes.push_back(input.type.shape);
  }
  const DetectionExtents extents = detection_extents(node.attrs<DetectionOutputAttributes>(), shapes);
  return {{inputs[0].type.data_type, {1, 1, extents.rows, 7}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<DetectionOutputAttributes>();
  std::vector<Shape> shapes;
  std::vector<std::vector<double>> values(5);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    shapes.push_back(inputs[i].shape());
    values[i] = to_doubles(inputs[i]);
  }
  const DetectionExtents extents = detection_extents(attributes, shapes);
  store(outputs[0], detect(attributes, extents, {values[0], values[1], values[2], values[3], values[4]}));
}

}  // namespace

extern const OpDef detection_output;
const OpDef detection_output{
    .name = "DetectionOutput",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "detectionoutput-8.html",
    .inputs = {3, 5},
    .openvino = {.type = "DetectionOutput", .versions = {1, 8}},
    .attributes = attributes_of<DetectionOutputAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
