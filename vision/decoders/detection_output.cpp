// detection_output: rows of an SSD's DetectionOutput layer, [1,1,N,7] = image id, label, confidence, corners.
// https://docs.openvino.ai/2022.3/openvino_docs_ops_detection_DetectionOutput_8.html

#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

constexpr std::int64_t kRow = 7;

bool suits(const Shape& shape) { return shape.size() == 4 && shape[0] == 1 && shape[1] == 1 && shape[3] == kRow; }

class DetectionOutput : public PostProcess {
 public:
  DetectionOutput(std::string output, std::vector<std::string> labels, std::string model)
      : output_(std::move(output)), labels_(std::move(labels)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const std::vector<double> rows = to_doubles(view_of(output_, outputs));
    for (std::size_t at = 0; at + kRow <= rows.size(); at += kRow) {
      if (rows[at] < 0) {  // The list ends with image id -1.
        break;
      }
      add_object(decoded, context, {rows[at + 3], rows[at + 4], rows[at + 5], rows[at + 6]}, rows[at + 2], rows[at + 1],
                 labels_, model_);
    }
  }

 private:
  std::string output_;
  std::vector<std::string> labels_;
  std::string model_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> outputs) {
  return outputs.size() == 1 && suits(outputs[0].type.shape);
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("detection_output", output, outputs, suits, "[1,1,N,7]");
  return std::make_unique<DetectionOutput>(info.name, labels_of(spec, output), spec.name);
}

}  // namespace

extern const DecoderDef detection_output;
const DecoderDef detection_output{.name = "detection_output",
                                  .summary = "Detections of an SSD's DetectionOutput layer, [1,1,N,7]",
                                  .aliases = {"tensor_to_bbox_ssd", "ssd", "SSD"},
                                  .fits = fits,
                                  .make = make};

}  // namespace fovea::decoders
