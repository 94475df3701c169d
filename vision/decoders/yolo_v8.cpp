// yolo_v8: detections as one output [1,4+C,N], N candidates with centre x, centre y, width and height in pixels of the
// network's input and a score for each of C classes; overlapping ones are suppressed here.
// https://docs.ultralytics.com/modes/predict/

#include <algorithm>
#include <cmath>

#include "vision/decoders/common.hpp"
#include "vision/tracker.hpp"

namespace fovea::decoders {
namespace {

constexpr std::int64_t kBoxRows = 4;
/// Suppression compares all pairs; of more candidates the most confident stay.
constexpr std::size_t kMaxCandidates = 1000;

/// More candidates than rows: the transposed [1,N,4+C] of other exports is not taken for this.
bool suits(const Shape& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[1] > kBoxRows && shape[2] > shape[1];
}

struct Candidate {
  double confidence;
  std::size_t column;
  std::size_t label;
};

/// The best class of every column that reaches the threshold. NaN never does.
std::vector<Candidate> find_candidates(std::span<const float> scores, std::size_t classes, std::size_t columns,
                                       float threshold) {
  std::vector<Candidate> candidates;
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
      candidates.push_back({best, column, label});
    }
  }
  if (candidates.size() > kMaxCandidates) {
    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::confidence);
    candidates.resize(kMaxCandidates);
  }
  return candidates;
}

class YoloV8 : public PostProcess {
 public:
  YoloV8(std::string output, std::vector<std::string> labels, const ModelSpec& spec)
      : output_(std::move(output)), labels_(std::move(labels)), max_iou_(spec.iou_threshold), model_(spec.name) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const ConstTensorView& view = view_of(output_, outputs);
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
    const double width = context.input_width_px > 0 ? context.input_width_px : 1;
    const double height = context.input_height_px > 0 ? context.input_height_px : 1;
    Decoded found;
    for (const Candidate& candidate :
         find_candidates(values.subspan(kBoxRows * columns), rows - kBoxRows, columns, context.threshold)) {
      const auto at = [&](std::size_t row) { return static_cast<double>(values[row * columns + candidate.column]); };
      const double half_width = at(2) / 2;
      const double half_height = at(3) / 2;
      add_object(found, context,
                 {(at(0) - half_width) / width, (at(1) - half_height) / height, (at(0) + half_width) / width,
                  (at(1) + half_height) / height},
                 candidate.confidence, static_cast<double>(candidate.label), labels_, model_);
    }
    non_maximum_suppression(found.objects, max_iou_);
    std::ranges::move(found.objects, std::back_inserter(decoded.objects));
  }

 private:
  std::string output_;
  std::vector<std::string> labels_;
  float max_iou_;
  std::string model_;
};

bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "detect" && outputs.size() == 1 && suits(outputs[0].type.shape);
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("yolo_v8", output, outputs, suits, "[1,4+C,N] with N > 4+C");
  return std::make_unique<YoloV8>(info.name, labels_of(spec, output), spec);
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
