// GenerateProposals: regions of each image from anchors [H,W,A,4], moved by deltas [N,A*4,H,W], with scores [N,A,H,W].
// Input 0: height, width and one or two scales of each image. Outputs: boxes [K,4], scores [K], number of each image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/generate-proposals-9.html

#include "engine/ops/anchor_proposals.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double min_size = 0;
  double nms_threshold = 0;
  std::int64_t pre_nms_count = 0;
  std::int64_t post_nms_count = 0;
  bool normalized = true;  ///< Else boxes count pixels.
  double nms_eta = 1;
  DataType roi_num_type = DataType::kI64;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("min_size", min_size);
    visit("nms_threshold", nms_threshold);
    visit("pre_nms_count", pre_nms_count);
    visit("post_nms_count", post_nms_count);
    visit("normalized", normalized);
    visit("nms_eta", nms_eta);
    visit("roi_num_type", roi_num_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_index_type(attributes.roi_num_type, "roi_num_type");
  check_range(attributes.pre_nms_count, 0, kMaxAttribute, "pre_nms_count");
  check_range(attributes.post_nms_count, 0, kMaxAttribute, "post_nms_count");
  if (attributes.nms_eta != 1) {
    fail(ErrorCode::kUnsupported, "nms_eta is {}, expected 1", attributes.nms_eta);
  }
  const Shape& images = inputs[0].type.shape;
  const Shape& anchors = inputs[1].type.shape;
  const Shape& deltas = inputs[2].type.shape;
  const Shape& scores = inputs[3].type.shape;
  check_rank(images, 2, 2, "image information");
  check_rank(anchors, 4, 4, "anchors");
  check_rank(deltas, 4, 4, "deltas");
  check_rank(scores, 4, 4, "scores");
  bool fits = extents_agree(anchors[3], 4) && extents_agree(anchors[2], scores[1]) &&
              extents_agree(images[0], scores[0]) && extents_agree(deltas[0], scores[0]) &&
              (scores[1] == kDynamic || extents_agree(deltas[1], multiply_extents(scores[1], 4))) &&
              (images[1] == kDynamic || images[1] == 3 || images[1] == 4);
  for (std::size_t i = 2; i < 4; ++i) {
    fits = fits && extents_agree(deltas[i], scores[i]) && extents_agree(anchors[i - 2], scores[i]);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "images {}, anchors {}, deltas {} and scores {} do not fit", to_string(images),
         to_string(anchors), to_string(deltas), to_string(scores));
  }
  return {{inputs[3].type.data_type, {kDynamic, 4}},
          {inputs[3].type.data_type, {kDynamic}},
          {attributes.roi_num_type, {scores[0]}}};
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[3].shape();
  const std::vector<double> images = to_doubles(inputs[0]);
  const std::vector<double> anchors = to_doubles(inputs[1]);
  const std::vector<double> deltas = to_doubles(inputs[2]);
  const std::vector<double> scores = to_doubles(inputs[3]);
  const auto per_cell = static_cast<std::size_t>(shape[1]);
  const std::size_t cells = count_between(shape, 2, 4);
  const auto width = static_cast<std::size_t>(inputs[0].shape()[1]);
  const double offset = attributes.normalized ? 0 : 1;
  std::vector<double> boxes;
  std::vector<double> box_scores;
  std::vector<std::int64_t> counts;
  for (std::size_t n = 0; n < static_cast<std::size_t>(shape[0]); ++n) {
    const double* image = images.data() + n * width;
    const ScoredBoxes found = propose({.height = image[0],
                                       .width = image[1],
                                       .min_height = attributes.min_size * image[2],
                                       .min_width = attributes.min_size * image[width - 1],
                                       .threshold = attributes.nms_threshold,
                                       .candidates = attributes.pre_nms_count,
                                       .most = attributes.post_nms_count,
                                       .offset = offset,
                                       .overlap_offset = offset},
                                      anchors, deltas.data() + n * per_cell * 4 * cells,
                                      scores.data() + n * per_cell * cells, per_cell, cells);
    for (const Corners& box : found.boxes) {
      boxes.insert(boxes.end(), box.begin(), box.end());
    }
    box_scores.insert(box_scores.end(), found.scores.begin(), found.scores.end());
    counts.push_back(static_cast<std::int64_t>(found.scores.size()));
  }
  const auto count = static_cast<std::int64_t>(box_scores.size());
  std::vector<Tensor> tensors = {Tensor(inputs[3].type.data_type, {count, 4}),
                                 Tensor(inputs[3].type.data_type, {count}),
                                 Tensor(attributes.roi_num_type, {shape[0]})};
  store(tensors[0].mutable_view(), boxes);
  store(tensors[1].mutable_view(), box_scores);
  store(tensors[2].mutable_view(), counts);
  return tensors;
}

}  // namespace

extern const OpDef generate_proposals;
const OpDef generate_proposals{
    .name = "GenerateProposals",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "generate-proposals-9.html",
    .inputs = {4, 4},
    .openvino = {.type = "GenerateProposals", .versions = {9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
