// MulticlassNms: greedy suppression of each class. Inputs: boxes [N,M,4] with scores [N,C,M]; or boxes [C,M,4] of each
// class with scores [C,M] and the number of boxes of each image. Outputs: rows of class, score and corners; index of
// the box; number of each image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/multiclass-non-max-suppression-9.html

#include <algorithm>

#include "engine/ops/op_def.hpp"
#include "engine/ops/selected_boxes.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes : BoxSelection {
  double iou_threshold = 0;
  double nms_eta = 1;  ///< Below 1: the threshold shrinks by this factor with each box, while above 0.5.

  template <class Visitor>
  void describe(Visitor& visit) {
    BoxSelection::describe(visit);
    visit("iou_threshold", iou_threshold);
    visit("nms_eta", nms_eta);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& boxes = inputs[0].type.shape;
  const Shape& scores = inputs[1].type.shape;
  if (!has_input(node, inputs, 2) || scores.size() == 3) {
    check_boxes_and_scores(attributes, boxes, scores);
    return selected_types(attributes, inputs[0], boxes[0]);
  }
  check_rank(scores, 2, 2, "scores");
  check_rank(boxes, 3, 3, "boxes");
  check_rank(inputs[2].type.shape, 1, 1, "numbers of boxes");
  check_boxes_and_scores(attributes, {1, boxes[1], boxes[2]}, {1, scores[0], scores[1]});
  if (!extents_agree(boxes[0], scores[0])) {
    fail(ErrorCode::kInvalidModel, "there are boxes of {} classes and scores of {}", boxes[0], scores[0]);
  }
  return selected_types(attributes, inputs[0], inputs[2].type.shape[0]);
}

/// The kept ones of candidates, best first.
std::vector<std::size_t> suppress_overlaps(const Attributes& attributes, const std::vector<Corners>& boxes,
                                           const std::vector<std::size_t>& order) {
  double threshold = attributes.iou_threshold;
  std::vector<std::size_t> kept;
  for (const std::size_t candidate : order) {
    const bool free = std::ranges::none_of(kept, [&](std::size_t other) {
      return intersection_over_union(boxes[candidate], boxes[other], attributes.normalized ? 0 : 1) >= threshold;
    });
    if (!free) {
      continue;
    }
    kept.push_back(candidate);
    threshold *= attributes.nms_eta < 1 && threshold > 0.5 ? attributes.nms_eta : 1;
  }
  return kept;
}

/// Boxes of one class of one image, and where the numbers of the second output come from.
struct ClassBoxes {
  std::int64_t image = 0;
  std::int64_t label = 0;
  std::vector<Corners> boxes;
  std::vector<double> scores;
  std::int64_t first_index = 0;
  std::int64_t index_step = 1;
};

void select(const Attributes& attributes, const ClassBoxes& given, std::vector<SelectedBox>& selected) {
  if (given.label == attributes.background_class) {
    return;
  }
  for (const std::size_t i : suppress_overlaps(attributes, given.boxes, candidates(attributes, given.scores, true))) {
    selected.push_back({given.image, given.label, given.first_index + static_cast<std::int64_t>(i) * given.index_step,
                        given.scores[i], given.boxes[i]});
  }
}

std::vector<Corners> corners(const std::vector<double>& values, std::int64_t first, std::int64_t count) {
  std::vector<Corners> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size() * 4; ++i) {
    result[i / 4][i % 4] = values[static_cast<std::size_t>(first) * 4 + i];
  }
  return result;
}

std::vector<double> part(const std::vector<double>& values, std::int64_t first, std::int64_t count) {
  return {values.begin() + first, values.begin() + first + count};
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const std::vector<double> coordinates = to_doubles(inputs[0]);
  const std::vector<double> scores = to_doubles(inputs[1]);
  const bool shared = inputs[1].shape().size() == 3;  // the same boxes for all classes
  const std::int64_t classes = inputs[1].shape()[shared ? 1 : 0];
  const std::int64_t boxes = inputs[0].shape()[1];
  std::vector<std::int64_t> counts;
  if (shared) {
    counts.assign(static_cast<std::size_t>(inputs[0].shape()[0]), boxes);
  } else {
    counts = to_ints(inputs[2]);
  }
  std::vector<std::vector<SelectedBox>> images;
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || (!shared && count > boxes - first)) {
      fail(ErrorCode::kInvalidArgument, "an image has {} of {} boxes", count, boxes - first);
    }
    const auto image = static_cast<std::int64_t>(images.size());
    std::vector<SelectedBox> selected;
    for (std::int64_t label = 0; label < classes; ++label) {
      const std::int64_t score_at = shared ? (image * classes + label) * boxes : label * boxes + first;
      select(attributes,
             {.image = image,
              .label = label,
              .boxes = corners(coordinates, shared ? image * boxes : label * boxes + first, count),
              .scores = part(scores, score_at, count),
              .first_index = shared ? image * boxes : first * classes + label,
              .index_step = shared ? 1 : classes},
             selected);
    }
    images.push_back(best_of_image(attributes, std::move(selected)));
    first += count;
  }
  return selected_tensors(attributes, std::move(images), inputs[0].type.data_type);
}

}  // namespace

extern const OpDef multiclass_nms;
const OpDef multiclass_nms{
    .name = "MulticlassNms",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/"
        "multiclass-non-max-suppression-9.html",
    .inputs = {2, 3},
    .openvino = {.type = "MulticlassNms", .versions = {8, 9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
