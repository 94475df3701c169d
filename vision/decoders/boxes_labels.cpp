// boxes_labels: detections as two outputs, [N,5] (corners in pixels of the network's input, confidence) and [N]
// (label). https://docs.openvino.ai/2023.3/omz_models_model_person_vehicle_bike_detection_2003.html

#include "engine/base/error.hpp"
#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

constexpr std::int64_t kRow = 5;

bool suits(const Shape& shape) { return shape.size() == 2 && shape[1] == kRow; }

const OutputInfo* labels_output(const OutputInfo& boxes, std::span<const OutputInfo> outputs) {
  for (const OutputInfo& output : outputs) {
    if (output.type.shape == Shape{boxes.type.shape[0]}) {
      return &output;
    }
  }
  return nullptr;
}

class BoxesLabels : public PostProcess {
 public:
  BoxesLabels(std::string boxes, std::string ids, std::vector<std::string> labels, std::string model)
      : boxes_(std::move(boxes)), ids_(std::move(ids)), labels_(std::move(labels)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const std::vector<double> rows = to_doubles(view_of(boxes_, outputs));
    const std::vector<double> ids = to_doubles(view_of(ids_, outputs));
    const double width = context.input_width_px > 0 ? context.input_width_px : 1;
    const double height = context.input_height_px > 0 ? context.input_height_px : 1;
    for (std::size_t i = 0; i < ids.size() && (i + 1) * kRow <= rows.size(); ++i) {
      const double* row = rows.data() + i * kRow;
      add_object(decoded, context, {row[0] / width, row[1] / height, row[2] / width, row[3] / height}, row[4], ids[i],
                 labels_, model_);
    }
  }

 private:
  std::string boxes_;
  std::string ids_;
  std::vector<std::string> labels_;
  std::string model_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> outputs) {
  for (const OutputInfo& output : outputs) {
    if (suits(output.type.shape) && labels_output(output, outputs) != nullptr) {
      return true;
    }
  }
  return false;
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& boxes = choose_output("boxes_labels", output, outputs, suits, "boxes [N,5]");
  const OutputInfo* ids = labels_output(boxes, outputs);
  if (ids == nullptr) {
    fail(ErrorCode::kInvalidConfig, "decoder 'boxes_labels': beside '{}' {} the model has no output [{}] with labels",
         boxes.name, to_string(boxes.type), boxes.type.shape[0]);
  }
  return std::make_unique<BoxesLabels>(boxes.name, ids->name, labels_of(spec, output), spec.name);
}

}  // namespace

extern const DecoderDef boxes_labels;
const DecoderDef boxes_labels{.name = "boxes_labels",
                              .summary = "Detections as boxes [N,5] and label ids [N]",
                              .aliases = {"tensor_to_bbox_atss"},
                              .fits = fits,
                              .make = make};

}  // namespace fovea::decoders
