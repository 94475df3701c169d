// ExperimentalDetectronDetectionOutput: the detections of one image from regions [R,4], deltas [R,C*4] and scores [R,C]
// of each class (0 is the background); input 3 is height, width and scale. Rows are filled up with 0.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/experimental-detectron-detection-output-6.html

#include <algorithm>
#include <numeric>

#include "engine/ops/anchor_proposals.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double score_threshold = 0;
  double nms_threshold = 0.5;
  std::int64_t num_classes = 0;
  std::int64_t post_nms_count = 0;  ///< Detections of a class; -1: all.
  std::int64_t max_detections_per_image = 0;
  bool class_agnostic_box_regression = false;
  double max_delta_log_wh = 0;
  std::vector<double> deltas_weights;  ///< Divisors of the four deltas.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("score_threshold", score_threshold);
    visit("nms_threshold", nms_threshold);
    visit("num_classes", num_classes);
    visit("post_nms_count", post_nms_count);
    visit("max_detections_per_image", max_detections_per_image);
    visit("class_agnostic_box_regression", class_agnostic_box_regression);
    visit("max_delta_log_wh", max_delta_log_wh);
    visit("deltas_weights", deltas_weights);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_range(attributes.num_classes, 1, kMaxAttribute, "num_classes");
  check_range(attributes.post_nms_count, -1, kMaxAttribute, "post_nms_count");
  check_range(attributes.max_detections_per_image, 0, kMaxAttribute, "max_detections_per_image");
  if (attributes.deltas_weights.size() != 4 || std::ranges::count(attributes.deltas_weights, 0.0) > 0) {
    fail(ErrorCode::kInvalidModel, "deltas_weights must be 4 numbers other than 0");
  }
  if (attributes.class_agnostic_box_regression) {
    fail(ErrorCode::kUnsupported, "class_agnostic_box_regression");
  }
  for (std::size_t i = 0; i < 4; ++i) {
    check_static(inputs[i].type.shape, "an input");
  }
  const Shape& regions = inputs[0].type.shape;
  check_rank(regions, 2, 2, "regions");
  if (regions[1] != 4 || inputs[1].type.shape != Shape{regions[0], attributes.num_classes * 4} ||
      inputs[2].type.shape != Shape{regions[0], attributes.num_classes}) {
    fail(ErrorCode::kInvalidModel, "regions {}, deltas {} and scores {} do not fit {} classes", to_string(regions),
         to_string(inputs[1].type.shape), to_string(inputs[2].type.shape), attributes.num_classes);
  }
  const DataType type = inputs[0].type.data_type;
  const std::int64_t rows = attributes.max_detections_per_image;
  return {{type, {rows, 4}}, {DataType::kI32, {rows}}, {type, {rows}}};
}

struct Detection {
  Corners box = {};
  std::int64_t label = 0;
  double score = 0;
};

/// Detections of one class, best first.
void detect_class(const Attributes& attributes, std::span<const double> regions, std::span<const double> deltas,
                  std::span<const double> scores, std::size_t label, std::vector<Detection>& detections) {
  const auto classes = static_cast<std::size_t>(attributes.num_classes);
  std::vector<Corners> boxes;
  std::vector<double> box_scores;
  for (std::size_t r = 0; r < regions.size() / 4; ++r) {
    const Corners region = {regions[r * 4], regions[r * 4 + 1], regions[r * 4 + 2], regions[r * 4 + 3]};
    if (region[2] <= region[0] || region[3] <= region[1] ||
        !(scores[r * classes + label] > attributes.score_threshold)) {
      continue;
    }
    std::array<double, 4> scaled{};
    for (std::size_t i = 0; i < 4; ++i) {
      scaled[i] = deltas[(r * classes + label) * 4 + i] / attributes.deltas_weights[i];
    }
    Corners box = move_box(region, scaled.data(), 1, attributes.max_delta_log_wh, 1);
    std::ranges::for_each(box, [](double& place) { place = std::max(place, 0.0); });
    boxes.push_back(box);
    box_scores.push_back(scores[r * classes + label]);
  }
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return box_scores[a] > box_scores[b]; });
  const std::size_t most =
      attributes.post_nms_count < 0 ? order.size() : static_cast<std::size_t>(attributes.post_nms_count);
  for (const std::size_t i : suppress(boxes, order, attributes.nms_threshold, most, 1)) {
    detections.push_back({boxes[i], static_cast<std::int64_t>(label), box_scores[i]});
  }
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const std::vector<double> regions = to_doubles(inputs[0]);
  const std::vector<double> deltas = to_doubles(inputs[1]);
  const std::vector<double> scores = to_doubles(inputs[2]);
  std::vector<Detection> detections;
  for (std::size_t label = 1; label < static_cast<std::size_t>(attributes.num_classes); ++label) {
    detect_class(attributes, regions, deltas, scores, label, detections);
  }
  const auto rows = static_cast<std::size_t>(attributes.max_detections_per_image);
  if (detections.size() > rows) {
    std::ranges::stable_sort(detections, std::ranges::greater{}, &Detection::score);
    detections.resize(rows);
  }
  std::vector<double> boxes;
  std::vector<std::int64_t> labels;
  std::vector<double> box_scores;
  for (const Detection& detection : detections) {
    boxes.insert(boxes.end(), detection.box.begin(), detection.box.end());
    labels.push_back(detection.label);
    box_scores.push_back(detection.score);
  }
  boxes.resize(rows * 4, 0);
  labels.resize(rows, 0);
  box_scores.resize(rows, 0);
  store(outputs[0], boxes);
  if (outputs.size() > 1) {
    store(outputs[1], labels);
  }
  if (outputs.size() > 2) {
    store(outputs[2], box_scores);
  }
}

}  // namespace

extern const OpDef experimental_detectron_detection_output;
const OpDef experimental_detectron_detection_output{
    .name = "ExperimentalDetectronDetectionOutput",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "experimental-detectron-detection-output-6.html",
    .inputs = {4, 4},
    .openvino = {.type = "ExperimentalDetectronDetectionOutput", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
