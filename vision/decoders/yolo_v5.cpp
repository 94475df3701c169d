// yolo_v5: detections as one output [1,N,5+C], N candidates with centre x, centre y, width and height in pixels of the
// network's input, the confidence that there is an object, and a score for each of C classes; overlapping ones are
// suppressed here. https://docs.ultralytics.com/yolov5/

#include <algorithm>

#include "vision/decoders/common.hpp"
#include "vision/tracker.hpp"

namespace fovea::decoders {
namespace {

constexpr std::size_t kHead = 5;
/// Suppression compares all pairs; of more candidates the most confident stay.
constexpr std::size_t kMaxCandidates = 1000;

bool suits(const Shape& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[2] > static_cast<std::int64_t>(kHead) && shape[1] > shape[2];
}

struct Candidate {
  double confidence = 0;
  std::size_t row = 0;
  std::size_t label = 0;
};

/// The best class of every row, times its objectness, that reaches the threshold. NaN never does.
std::vector<Candidate> find_candidates(std::span<const double> values, std::size_t rows, std::size_t width,
                                       double threshold) {
  std::vector<Candidate> candidates;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const double> scores = values.subspan(row * width + kHead, width - kHead);
    const auto best = std::ranges::max_element(scores);
    const double confidence = values[row * width + kHead - 1] * *best;
    if (confidence >= threshold) {
      candidates.push_back({confidence, row, static_cast<std::size_t>(best - scores.begin())});
    }
  }
  if (candidates.size() > kMaxCandidates) {
    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::confidence);
    candidates.resize(kMaxCandidates);
  }
  return candidates;
}

class YoloV5 : public PostProcess {
 public:
  YoloV5(std::string output, std::vector<std::string> labels, const ModelSpec& spec)
      : output_(std::move(output)), labels_(std::move(labels)), max_iou_(spec.iou_threshold), model_(spec.name) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const ConstTensorView& view = view_of(output_, outputs);
    const auto width = static_cast<std::size_t>(view.shape()[2]);
    const std::vector<double> values = to_doubles(view);
    const double width_px = context.input_width_px > 0 ? context.input_width_px : 1;
    const double height_px = context.input_height_px > 0 ? context.input_height_px : 1;
    Decoded found;
    for (const Candidate& candidate : find_candidates(values, values.size() / width, width, context.threshold)) {
      const double* row = values.data() + candidate.row * width;
      const double half_width = row[2] / 2;
      const double half_height = row[3] / 2;
      add_object(found, context,
                 {(row[0] - half_width) / width_px, (row[1] - half_height) / height_px,
                  (row[0] + half_width) / width_px, (row[1] + half_height) / height_px},
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

/// Only where the labels confirm the width: other networks have outputs of this form too.
bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "detect" && outputs.size() == 1 && suits(outputs[0].type.shape) && !spec.labels.empty() &&
         outputs[0].type.shape[2] == static_cast<std::int64_t>(kHead + spec.labels.size());
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("yolo_v5", output, outputs, suits, "[1,N,5+C] with N > 5+C");
  return std::make_unique<YoloV5>(info.name, labels_of(spec, output), spec);
}

}  // namespace

extern const DecoderDef yolo_v5;
const DecoderDef yolo_v5{.name = "yolo_v5",
                         .summary = "Detections as [1,N,5+C]: boxes by centre and size, objectness, class scores",
                         .aliases = {"yolo_v7"},
                         .suppresses = true,
                         .fits = fits,
                         .make = make};

}  // namespace fovea::decoders
