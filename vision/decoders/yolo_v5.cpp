// yolo_v5: detections as one output [1,N,5+C], N candidates with centre x, centre y, width and height in pixels of the
// network's input, the confidence that there is an object, and a score for each of C classes; overlapping ones are
// suppressed here. https://docs.ultralytics.com/yolov5/

#include <algorithm>

#include "vision/decoders/yolo.hpp"

namespace fovea::decoders {
namespace {

constexpr std::size_t kHead = 5;

bool suits(const Shape& shape) {
  return shape.size() == 3 && shape[0] == 1 && shape[2] > static_cast<std::int64_t>(kHead) && shape[1] > shape[2];
}

/// The best class of every row, times its objectness, that reaches the threshold. NaN never does.
std::vector<YoloCandidate> find_candidates(std::span<const double> values, std::size_t width, double threshold) {
  std::vector<YoloCandidate> candidates;
  for (std::size_t begin = 0; begin + width <= values.size(); begin += width) {
    const std::span<const double> row = values.subspan(begin, width);
    const std::span<const double> scores = row.subspan(kHead);
    const auto best = std::ranges::max_element(scores);
    const double confidence = row[kHead - 1] * *best;
    if (confidence >= threshold) {
      const auto label = static_cast<std::size_t>(best - scores.begin());
      candidates.push_back({confidence, label, row[0], row[1], row[2], row[3]});
    }
  }
  return candidates;
}

class YoloV5 : public PostProcess {
 public:
  explicit YoloV5(YoloHead head) : head_(std::move(head)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const ConstTensorView& view = view_of(head_.output, outputs);
    const std::vector<double> values = to_doubles(view);
    const auto width = static_cast<std::size_t>(view.shape()[2]);
    head_.add_objects(find_candidates(values, width, context.threshold), context, decoded);
  }

 private:
  YoloHead head_;
};

/// Only where the labels confirm the width: other networks have outputs of this form too.
bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "detect" && outputs.size() == 1 && suits(outputs[0].type.shape) && !spec.labels.empty() &&
         outputs[0].type.shape[2] == static_cast<std::int64_t>(kHead + spec.labels.size());
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("yolo_v5", output, outputs, suits, "[1,N,5+C] with N > 5+C");
  return std::make_unique<YoloV5>(YoloHead(info.name, labels_of(spec, output), spec));
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
