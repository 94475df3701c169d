// yolo_v10: detections that the network suppressed itself, one output [1,N,6]: left, top, right, bottom in pixels of
// the network's input, confidence, class. https://docs.ultralytics.com/models/yolov10/

#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

constexpr std::size_t kRow = 6;

bool suits(const Shape& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[2] == static_cast<std::int64_t>(kRow);
}

class YoloV10 : public PostProcess {
 public:
  YoloV10(std::string output, std::vector<std::string> labels, std::string model)
      : output_(std::move(output)), labels_(std::move(labels)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const std::vector<double> values = to_doubles(view_of(output_, outputs));
    const double width = context.input_width_px > 0 ? context.input_width_px : 1;
    const double height = context.input_height_px > 0 ? context.input_height_px : 1;
    for (std::size_t i = 0; i + kRow <= values.size(); i += kRow) {
      const double* row = values.data() + i;
      add_object(decoded, context, {row[0] / width, row[1] / height, row[2] / width, row[3] / height}, row[4], row[5],
                 labels_, model_);
    }
  }

 private:
  std::string output_;
  std::vector<std::string> labels_;
  std::string model_;
};

/// The shape alone is too common to mean this.
bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> /*outputs*/) { return false; }

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("yolo_v10", output, outputs, suits, "[1,N,6]");
  return std::make_unique<YoloV10>(info.name, labels_of(spec, output), spec.name);
}

}  // namespace

extern const DecoderDef yolo_v10;
const DecoderDef yolo_v10{.name = "yolo_v10",
                          .summary = "Detections as [1,N,6]: corners, confidence, class; nothing is suppressed here",
                          .aliases = {"yolo_v26"},
                          .fits = fits,
                          .make = make};

}  // namespace fovea::decoders
