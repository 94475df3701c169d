// ExperimentalDetectronGenerateProposalsSingleImage: regions of one image from anchors [H*W*A,4], moved by deltas
// [A*4,H,W], with scores [A,H,W]; input 0 is height, width and scale. As many rows as post_nms_count, filled with 0.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/experimental-detectron-generate-proposals-single-image-6.html

#include "engine/ops/anchor_proposals.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  double min_size = 0;
  double nms_threshold = 0.7;
  std::int64_t post_nms_count = 1000;
  std::int64_t pre_nms_count = 1000;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("min_size", min_size);
    visit("nms_threshold", nms_threshold);
    visit("post_nms_count", post_nms_count);
    visit("pre_nms_count", pre_nms_count);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_range(attributes.post_nms_count, 0, kMaxAttribute, "post_nms_count");
  check_range(attributes.pre_nms_count, 0, kMaxAttribute, "pre_nms_count");
  for (std::size_t i = 0; i < 4; ++i) {
    check_static(inputs[i].type.shape, "an input");
  }
  const Shape& anchors = inputs[1].type.shape;
  const Shape& deltas = inputs[2].type.shape;
  const Shape& scores = inputs[3].type.shape;
  check_rank(scores, 3, 3, "scores");
  const std::int64_t count = static_cast<std::int64_t>(element_count(scores));
  if (element_count(inputs[0].type.shape) < 2 || anchors != Shape{count, 4} ||
      deltas != Shape{multiply_extents(scores[0], 4), scores[1], scores[2]}) {
    fail(ErrorCode::kInvalidModel, "anchors {} and deltas {} do not fit scores {}", to_string(anchors),
         to_string(deltas), to_string(scores));
  }
  return {{inputs[3].type.data_type, {attributes.post_nms_count, 4}},
          {inputs[3].type.data_type, {attributes.post_nms_count}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[3].shape();
  const std::vector<double> image = to_doubles(inputs[0]);
  const std::vector<double> deltas = to_doubles(inputs[2]);
  const std::vector<double> scores = to_doubles(inputs[3]);
  // Boxes count pixels, but not where their overlaps are measured.
  const ScoredBoxes found = propose({.height = image[0],
                                     .width = image[1],
                                     .min_height = attributes.min_size,
                                     .min_width = attributes.min_size,
                                     .threshold = attributes.nms_threshold,
                                     .candidates = attributes.pre_nms_count,
                                     .most = attributes.post_nms_count,
                                     .offset = 1,
                                     .overlap_offset = 0},
                                    to_doubles(inputs[1]), deltas.data(), scores.data(),
                                    static_cast<std::size_t>(shape[0]), count_between(shape, 1, 3));
  std::vector<double> boxes;
  for (const Corners& box : found.boxes) {
    boxes.insert(boxes.end(), box.begin(), box.end());
  }
  std::vector<double> box_scores = found.scores;
  boxes.resize(element_count(outputs[0].shape()), 0);
  box_scores.resize(boxes.size() / 4, 0);
  store(outputs[0], boxes);
  if (outputs.size() > 1) {
    store(outputs[1], box_scores);
  }
}

}  // namespace

extern const OpDef experimental_detectron_generate_proposals;
const OpDef experimental_detectron_generate_proposals{
    .name = "ExperimentalDetectronGenerateProposalsSingleImage",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "experimental-detectron-generate-proposals-single-image-6.html",
    .inputs = {4, 4},
    .openvino = {.type = "ExperimentalDetectronGenerateProposalsSingleImage", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
