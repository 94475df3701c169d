// Proposal: regions of a two-stage detector from scores [N,2*A,H,W] and box deltas [N,4*A,H,W] around anchors; rows
// [batch, x0, y0, x1, y1], of each batch item post_nms_topn, -1 after the last one; from opset 4 on also their scores.
// The third input is [height, width, scale] or [height, width, scale of height, scale of width].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/proposal-4.html

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/non_max.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t base_size = 16;
  std::int64_t pre_nms_topn = 6000;
  std::int64_t post_nms_topn = 300;
  double nms_thresh = 0.7;
  std::int64_t feat_stride = 16;
  double min_size = 16;
  std::vector<double> ratio;
  std::vector<double> scale;
  bool clip_before_nms = true;
  bool clip_after_nms = false;
  bool normalize = false;
  double box_size_scale = 1;
  double box_coordinate_scale = 1;
  std::string framework;  ///< "tensorflow", or Caffe's way of counting pixels.
  int opset = 4;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("base_size", base_size);
    visit("pre_nms_topn", pre_nms_topn);
    visit("post_nms_topn", post_nms_topn);
    visit("nms_thresh", nms_thresh);
    visit("feat_stride", feat_stride);
    visit("min_size", min_size);
    visit("ratio", ratio);
    visit("scale", scale);
    visit("clip_before_nms", clip_before_nms);
    visit("clip_after_nms", clip_after_nms);
    visit("normalize", normalize);
    visit("box_size_scale", box_size_scale);
    visit("box_coordinate_scale", box_coordinate_scale);
    visit("framework", framework);
  }
  bool operator==(const Attributes&) const = default;

  [[nodiscard]] bool tensorflow() const { return framework == "tensorflow"; }
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& scores = inputs[0].type.shape;
  const Shape& deltas = inputs[1].type.shape;
  check_static(scores, "scores");
  check_static(deltas, "deltas");
  check_rank(scores, 4, 4, "scores");
  check_range(attributes.base_size, 1, kMaxAttribute, "base_size");
  check_range(attributes.feat_stride, 1, kMaxAttribute, "feat_stride");
  check_range(attributes.pre_nms_topn, 1, kMaxAttribute, "pre_nms_topn");
  check_range(attributes.post_nms_topn, 1, kMaxAttribute, "post_nms_topn");
  for (const double ratio : attributes.ratio) {
    if (!(ratio > 0)) {
      fail(ErrorCode::kInvalidModel, "ratio has the value {}, expected positive numbers", ratio);
    }
  }
  if (attributes.box_size_scale == 0 || attributes.box_coordinate_scale == 0) {
    fail(ErrorCode::kInvalidModel, "box_size_scale or box_coordinate_scale is 0, expected another number");
  }
  const auto anchors = static_cast<std::int64_t>(attributes.ratio.size() * attributes.scale.size());
  if (anchors == 0 || scores[1] != 2 * anchors || deltas != Shape{scores[0], 4 * anchors, scores[2], scores[3]}) {
    fail(ErrorCode::kInvalidModel,
         "scores {} and deltas {} do not fit {} anchors, expected [N,2*A,H,W] and [N,4*A,H,W]", to_string(scores),
         to_string(deltas), anchors);
  }
  const Shape& image = inputs[2].type.shape;
  if (is_static(image) && element_count(image) != 3 && element_count(image) != 4) {
    fail(ErrorCode::kInvalidModel, "image information is {}, expected 3 or 4 values", to_string(image));
  }
  const std::int64_t rows = multiply_extents(scores[0], attributes.post_nms_topn);
  std::vector<TensorType> types = {{inputs[0].type.data_type, {rows, 5}}};
  if (attributes.opset >= 4) {
    types.push_back({inputs[0].type.data_type, {rows}});
  }
  return types;
}

/// Boxes around the origin, by ratio and scale.
std::vector<Corners> make_anchors(const Attributes& attributes) {
  const bool tensorflow = attributes.tensorflow();
  const double offset = tensorflow ? 0 : 1;
  const auto base = static_cast<double>(attributes.base_size);
  const double centre = 0.5 * (base - offset) - (tensorflow ? base * 0.5 : 0.0);
  std::vector<Corners> anchors;
  for (const double ratio : attributes.ratio) {
    double width = std::sqrt(base * base / ratio);
    width = tensorflow ? width : std::round(width);
    const double height = tensorflow ? width * ratio : std::round(width * ratio);
    for (const double scale : attributes.scale) {
      const double half_width = 0.5 * (width * scale - offset);
      const double half_height = 0.5 * (height * scale - offset);
      anchors.push_back({centre - half_width, centre - half_height, centre + half_width, centre + half_height});
    }
  }
  return anchors;
}

/// What the third input says.
struct ImageInfo {
  double height = 0;
  double width = 0;
  double min_height = 0;
  double min_width = 0;
};

ImageInfo read_image(const Attributes& attributes, const std::vector<double>& values) {
  const bool swapped = attributes.tensorflow();
  return {.height = values[swapped ? 1 : 0],
          .width = values[swapped ? 0 : 1],
          .min_height = attributes.min_size * values[2],
          .min_width = attributes.min_size * values[values.size() < 4 ? 2 : 3]};
}

void clip(Corners& box, double width, double height) {
  for (std::size_t i = 0; i < 4; ++i) {
    box[i] = std::max(0.0, std::min(box[i], i % 2 == 0 ? width : height));
  }
}

/// An anchor moved and scaled by its four deltas.
Corners decode(const Attributes& attributes, Corners anchor, const std::array<double, 4>& delta,
               const ImageInfo& image) {
  const double offset = attributes.tensorflow() ? 0 : 1;
  if (attributes.tensorflow()) {
    clip(anchor, image.width, image.height);
  }
  const double width = anchor[2] - anchor[0] + offset;
  const double height = anchor[3] - anchor[1] + offset;
  const double x = delta[0] / attributes.box_coordinate_scale * width + anchor[0] + 0.5 * width;
  const double y = delta[1] / attributes.box_coordinate_scale * height + anchor[1] + 0.5 * height;
  const double half_width = 0.5 * std::exp(delta[2] / attributes.box_size_scale) * width;
  const double half_height = 0.5 * std::exp(delta[3] / attributes.box_size_scale) * height;
  Corners box = {x - half_width, y - half_height, x + half_width, y + half_height};
  if (attributes.clip_before_nms) {
    clip(box, image.width - offset, image.height - offset);
  }
  return box;
}

/// Boxes and scores of one batch item, by row, column, anchor.
void enumerate(const Attributes& attributes, const Shape& shape, const double* scores, const double* deltas,
               const ImageInfo& image, std::vector<Corners>& boxes, std::vector<double>& box_scores) {
  const std::vector<Corners> anchors = make_anchors(attributes);
  const double offset = attributes.tensorflow() ? 0 : 1;
  const auto plane = static_cast<std::size_t>(shape[2] * shape[3]);
  const double* foreground = scores + anchors.size() * plane;
  for (std::size_t cell = 0; cell < plane; ++cell) {
    const auto row = static_cast<std::int64_t>(cell) / shape[3];
    const auto column = static_cast<std::int64_t>(cell) % shape[3];
    const auto x = static_cast<double>((attributes.tensorflow() ? row : column) * attributes.feat_stride);
    const auto y = static_cast<double>((attributes.tensorflow() ? column : row) * attributes.feat_stride);
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      std::array<double, 4> delta{};
      for (std::size_t i = 0; i < 4; ++i) {
        delta[i] = deltas[(a * 4 + i) * plane + cell];
      }
      const Corners& anchor = anchors[a];
      boxes.push_back(decode(attributes, {anchor[0] + x, anchor[1] + y, anchor[2] + x, anchor[3] + y}, delta, image));
      const Corners& box = boxes.back();
      const bool large = box[2] - box[0] + offset >= image.min_width && box[3] - box[1] + offset >= image.min_height;
      box_scores.push_back(large ? foreground[a * plane + cell] : 0.0);
    }
  }
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const std::vector<double> scores = to_doubles(inputs[0]);
  const std::vector<double> deltas = to_doubles(inputs[1]);
  const ImageInfo image = read_image(attributes, to_doubles(inputs[2]));
  const auto rows = static_cast<std::size_t>(attributes.post_nms_topn);
  std::vector<double> result(element_count(outputs[0].shape()), 0.0);
  std::vector<double> result_scores(result.size() / 5, 0.0);
  const std::size_t item = count_between(shape, 1, 4);
  for (std::size_t batch = 0; batch < static_cast<std::size_t>(shape[0]); ++batch) {
    std::vector<Corners> boxes;
    std::vector<double> box_scores;
    enumerate(attributes, shape, scores.data() + batch * item, deltas.data() + batch * item * 2, image, boxes,
              box_scores);
    std::vector<std::size_t> order(boxes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return box_scores[a] > box_scores[b]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(attributes.pre_nms_topn)));
    const auto kept = suppress(boxes, order, attributes.nms_thresh, rows, attributes.tensorflow() ? 0 : 1);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      Corners box = boxes[kept[i]];
      if (attributes.clip_after_nms) {
        clip(box, image.width, image.height);
      }
      double* row = result.data() + (batch * rows + i) * 5;
      row[0] = static_cast<double>(batch);
      for (std::size_t k = 0; k < 4; ++k) {
        row[k + 1] = attributes.normalize ? box[k] / (k % 2 == 0 ? image.width : image.height) : box[k];
      }
      result_scores[batch * rows + i] = box_scores[kept[i]];
    }
    if (kept.size() < rows) {
      result[(batch * rows + kept.size()) * 5] = -1;
    }
  }
  store(outputs[0], result);
  if (outputs.size() > 1) {
    store(outputs[1], result_scores);
  }
}

}  // namespace

extern const OpDef proposal;
const OpDef proposal{
    .name = "Proposal",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "proposal-4.html",
    .inputs = {3, 3},
    .openvino = {.type = "Proposal", .versions = {1, 4}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
