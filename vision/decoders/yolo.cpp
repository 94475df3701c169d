#include "vision/decoders/yolo.hpp"

#include <algorithm>

#include "vision/tracker.hpp"

namespace fovea::decoders {
namespace {

constexpr std::size_t kMaxCandidates = 1000;

}  // namespace

YoloHead::YoloHead(std::string output_name, std::vector<std::string> label_list, const ModelSpec& spec)
    : output(std::move(output_name)), labels(std::move(label_list)), max_iou(spec.iou_threshold), model(spec.name) {}

void YoloHead::add_objects(std::vector<YoloCandidate> candidates, const DecodeContext& context,
                           Decoded& decoded) const {
  if (candidates.size() > kMaxCandidates) {
    std::ranges::stable_sort(candidates, std::ranges::greater(), &YoloCandidate::confidence);
    candidates.resize(kMaxCandidates);
  }
  const double width = context.input_width_px > 0 ? context.input_width_px : 1;
  const double height = context.input_height_px > 0 ? context.input_height_px : 1;
  Decoded found;
  for (const YoloCandidate& candidate : candidates) {
    const double half_width = candidate.width / 2;
    const double half_height = candidate.height / 2;
    add_object(found, context,
               {(candidate.center_x - half_width) / width, (candidate.center_y - half_height) / height,
                (candidate.center_x + half_width) / width, (candidate.center_y + half_height) / height},
               candidate.confidence, static_cast<double>(candidate.label), labels, model);
  }
  non_maximum_suppression(found.objects, max_iou);
  std::ranges::move(found.objects, std::back_inserter(decoded.objects));
}

}  // namespace fovea::decoders
