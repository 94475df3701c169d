// NonMaxSuppression: of boxes [N,B,4] with scores [N,C,B], those that no better one of their class overlaps. Rows
// [batch, class, box]: from opset 5 on those selected, before as many as there can be at most, filled up with -1.
// Inputs: boxes, scores, most boxes per class, IoU threshold, score threshold, soft-NMS sigma.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/no-max-suppression-5.html

#include <algorithm>
#include <cmath>

#include "engine/ops/non_max.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class BoxEncoding : std::uint8_t { kCorner, kCenter };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::BoxEncoding> {
  static constexpr std::array kNames = {std::pair{"corner", ops::BoxEncoding::kCorner},
                                        std::pair{"center", ops::BoxEncoding::kCenter}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  BoxEncoding box_encoding = BoxEncoding::kCorner;
  bool sort_result_descending = true;  ///< By score across batches and classes.
  DataType output_type = DataType::kI64;
  int opset = 9;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("box_encoding", box_encoding);
    visit("sort_result_descending", sort_result_descending);
    visit("output_type", output_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::int64_t most_rows(const Shape& boxes, const Shape& scores, std::int64_t most_per_class) {
  const std::int64_t most = std::max<std::int64_t>(most_per_class, 0);
  return multiply_extents(multiply_extents(std::min(boxes[1], most), boxes[0]), scores[1]);
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& boxes = inputs[0].type.shape;
  const Shape& scores = inputs[1].type.shape;
  check_index_type(attributes.output_type, "output_type");
  check_rank(boxes, 3, 3, "boxes");
  check_rank(scores, 3, 3, "scores");
  if (!extents_agree(boxes[2], 4) || !extents_agree(boxes[0], scores[0]) || !extents_agree(boxes[1], scores[2])) {
    fail(ErrorCode::kInvalidModel, "boxes {} and scores {} do not fit, expected [N,B,4] and [N,C,B]", to_string(boxes),
         to_string(scores));
  }
  for (std::size_t i = 2; i < inputs.size(); ++i) {
    if (has_input(node, inputs, i) && is_static(inputs[i].type.shape) && element_count(inputs[i].type.shape) != 1) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, expected a single value", i, to_string(inputs[i].type));
    }
  }
  if (attributes.opset >= 5) {
    return {{attributes.output_type, {kDynamic, 3}},
            {inputs[1].type.data_type, {kDynamic, 3}},
            {attributes.output_type, {1}}};
  }
  check_static(boxes, "boxes");
  check_static(scores, "scores");
  const std::int64_t most = has_input(node, inputs, 2) ? constant_int(inputs[2], "most boxes per class") : 0;
  return {{attributes.output_type, {most_rows(boxes, scores, most), 3}}};
}

struct Candidate {
  std::int64_t batch = 0;
  std::int64_t label = 0;
  std::size_t box = 0;
  double score = 0;
};

struct Thresholds {
  std::size_t most = 0;
  double iou = 0;
  double score = 0;
  double sigma = 0;
};

/// Greedy selection of one class; with sigma, overlaps lower scores by exp(-IoU²/(2 sigma)) instead of suppressing.
std::vector<Candidate> select(std::vector<Candidate> open, const std::vector<Corners>& boxes,
                              const Thresholds& thresholds) {
  std::vector<Candidate> selected;
  while (!open.empty() && selected.size() < thresholds.most) {
    // The first of the best, so that equal scores keep their order.
    const auto best = std::ranges::max_element(open, {}, &Candidate::score);
    selected.push_back(*best);
    open.erase(best);
    const Corners& chosen = boxes[selected.back().box];
    std::erase_if(open, [&](Candidate& other) {
      const double overlap = intersection_over_union(chosen, boxes[other.box]);
      if (overlap > thresholds.iou) {
        return true;
      }
      if (thresholds.sigma > 0) {
        other.score *= std::exp(-overlap * overlap / (2 * thresholds.sigma));
        return other.score <= thresholds.score;
      }
      return false;
    });
  }
  return selected;
}

Corners read_box(const double* values, BoxEncoding encoding) {
  if (encoding == BoxEncoding::kCorner) {
    return sort_corners({values[0], values[1], values[2], values[3]});
  }
  return {values[0] - values[2] / 2, values[1] - values[3] / 2, values[0] + values[2] / 2, values[1] + values[3] / 2};
}

std::vector<Candidate> select_all(const Attributes& attributes, std::span<const ConstTensorView> inputs,
                                  const Thresholds& thresholds) {
  const Shape& shape = inputs[1].shape();
  const auto count = static_cast<std::size_t>(shape[2]);
  const std::vector<double> coordinates = to_doubles(inputs[0]);
  const std::vector<double> scores = to_doubles(inputs[1]);
  std::vector<Candidate> result;
  for (std::int64_t batch = 0; batch < shape[0]; ++batch) {
    std::vector<Corners> boxes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t offset = (static_cast<std::size_t>(batch) * count + i) * 4;
      boxes.push_back(read_box(coordinates.data() + offset, attributes.box_encoding));
    }
    for (std::int64_t label = 0; label < shape[1]; ++label) {
      std::vector<Candidate> candidates;
      for (std::size_t i = 0; i < count; ++i) {
        const double score = scores[static_cast<std::size_t>(batch * shape[1] + label) * count + i];
        if (score >= thresholds.score) {
          candidates.push_back({batch, label, i, score});
        }
      }
      const std::vector<Candidate> selected = select(std::move(candidates), boxes, thresholds);
      result.insert(result.end(), selected.begin(), selected.end());
    }
  }
  if (attributes.sort_result_descending) {
    std::ranges::stable_sort(result, [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  }
  return result;
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const auto threshold = [&](std::size_t i) { return has_input(inputs, i) ? to_doubles(inputs[i]).at(0) : 0.0; };
  const std::int64_t most = has_input(inputs, 2) ? to_ints(inputs[2]).at(0) : 0;
  const std::vector<Candidate> selected = select_all(attributes, inputs,
                                                     {.most = static_cast<std::size_t>(std::max<std::int64_t>(most, 0)),
                                                      .iou = threshold(3),
                                                      .score = threshold(4),
                                                      .sigma = threshold(5)});
  std::vector<std::int64_t> indices;
  std::vector<double> scores;
  for (const Candidate& candidate : selected) {
    indices.insert(indices.end(), {candidate.batch, candidate.label, static_cast<std::int64_t>(candidate.box)});
    scores.insert(scores.end(),
                  {static_cast<double>(candidate.batch), static_cast<double>(candidate.label), candidate.score});
  }
  const bool fixed = attributes.opset < 5;
  const auto rows =
      fixed ? most_rows(inputs[0].shape(), inputs[1].shape(), most) : static_cast<std::int64_t>(selected.size());
  Tensor index_tensor(attributes.output_type, {rows, 3});
  indices.resize(index_tensor.size(), -1);
  store(index_tensor.mutable_view(), indices);
  if (fixed) {
    return {index_tensor};
  }
  Tensor score_tensor(inputs[1].type.data_type, {rows, 3});
  store(score_tensor.mutable_view(), scores);
  Tensor count(attributes.output_type, {1});
  store(count.mutable_view(), std::vector<std::int64_t>{rows});
  return {index_tensor, score_tensor, count};
}

}  // namespace

extern const OpDef non_max_suppression;
const OpDef non_max_suppression{
    .name = "NonMaxSuppression",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/"
        "no-max-suppression-5.html",
    .inputs = {2, 6},
    .openvino = {.type = "NonMaxSuppression", .versions = {1, 3, 4, 5, 9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
