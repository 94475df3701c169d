// yolo_v8: detections as one output [1,4+C,N], N candidates with centre x, centre y, width and height in pixels of the
// network's input and a score for each of C classes; overlapping ones are suppressed here.
// https://docs.ultralytics.com/modes/predict/

#include "vision/decoders/yolo.hpp"

namespace fovea::decoders {
namespace {

constexpr std::size_t kBoxRows = 4;

/// More candidates than rows: the transposed [1,N,4+C] of other exports is not taken for this.
bool suits(const Shape& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[1] > static_cast<std::int64_t>(kBoxRows) && shape[2] > shape[1];
}

/// The best class of every column that reaches the threshold. NaN never does.
std::vector<YoloCandidate> find_candidates(std::span<const float> values, std::size_t rows, std::size_t columns,
                                           float threshold) {
  const std::size_t classes = rows - kBoxRows;
  const std::span<const float> scores = values.subspan(kBoxRows * columns);
  std::vector<YoloCandidate> candidates;
  for (std::size_t column = 0; column < columns; ++column) {
    float best = threshold;
    std::size_t label = classes;
    for (std::size_t c = 0; c < classes; ++c) {
      const float score = scores[c * columns + column];
      if (score >= best) {
        best = score;
        label = c;
      }
    }
    if (label < classes) {
      const auto box = [&](std::size_t row) { return static_cast<double>(values[row * columns + column]); };
      candidates.push_back({best, label, box(0), box(1), box(2), box(3)});
    }
  }
  return candidates;
}

class YoloV8 : public PostProcess {
 public:
  explicit YoloV8(YoloHead head) : head_(std::move(head)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const ConstTensorView& view = view_of(head_.output, outputs);
    const auto rows = static_cast<std::size_t>(view.shape()[1]);
    const auto columns = static_cast<std::size_t>(view.shape()[2]);
    std::vector<float> converted;
    std::span<const float> values;
    if (view.type.data_type == DataType::kF32) {
      values = view.data<float>();
    } else {
      const std::vector<double> doubles = to_doubles(view);
      converted.assign(doubles.begin(), doubles.end());
      values = converted;
    }
    head_.add_objects(find_candidates(values, rows, columns, context.threshold), context, decoded);
  }

 private:
  YoloHead head_;
};

bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "detect" && outputs.size() == 1 && suits(outputs[0].type.shape);
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("yolo_v8", output, outputs, suits, "[1,4+C,N] with N > 4+C");
  return std::make_unique<YoloV8>(YoloHead(info.name, labels_of(spec, output), spec));
}

}  // namespace

extern const DecoderDef yolo_v8;
const DecoderDef yolo_v8{.name = "yolo_v8",
                         .summary = "Detections as [1,4+C,N]: boxes by centre and size, then scores of the classes",
                         .aliases = {"tensor_to_bbox_yolo_v8", "YOLOv8", "yolo_v11"},
                         .suppresses = true,
                         .fits = fits,
                         .make = make};

}  // namespace fovea::decoders
