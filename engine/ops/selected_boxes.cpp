#include "engine/ops/selected_boxes.hpp"

#include <algorithm>
#include <tuple>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

bool better(const SelectedBox& a, const SelectedBox& b) {
  return std::tuple(-a.score, a.image, a.label, a.index) < std::tuple(-b.score, b.image, b.label, b.index);
}

bool by_class(const SelectedBox& a, const SelectedBox& b) {
  return std::tuple(a.label, a.image, -a.score, a.index) < std::tuple(b.label, b.image, -b.score, b.index);
}

}  // namespace

std::vector<std::size_t> candidates(const BoxSelection& selection, const std::vector<double>& scores, bool at_least) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > selection.score_threshold || (at_least && scores[i] == selection.score_threshold)) {
      result.push_back(i);
    }
  }
  std::ranges::stable_sort(result, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  if (selection.nms_top_k >= 0) {
    result.resize(std::min(result.size(), static_cast<std::size_t>(selection.nms_top_k)));
  }
  return result;
}

std::vector<SelectedBox> best_of_image(const BoxSelection& selection, std::vector<SelectedBox> boxes) {
  std::ranges::stable_sort(boxes, better);
  if (selection.keep_top_k >= 0) {
    boxes.resize(std::min(boxes.size(), static_cast<std::size_t>(selection.keep_top_k)));
  }
  if (selection.sort_result_type == BoxOrder::kClass && !selection.sort_result_across_batch) {
    std::ranges::stable_sort(boxes, by_class);
  }
  return boxes;
}

std::vector<Tensor> selected_tensors(const BoxSelection& selection, std::vector<std::vector<SelectedBox>> images,
                                     DataType type) {
  std::vector<std::int64_t> counts;
  std::vector<SelectedBox> all;
  for (const std::vector<SelectedBox>& image : images) {
    counts.push_back(static_cast<std::int64_t>(image.size()));
    all.insert(all.end(), image.begin(), image.end());
  }
  if (selection.sort_result_across_batch && selection.sort_result_type != BoxOrder::kNone) {
    std::ranges::stable_sort(all, selection.sort_result_type == BoxOrder::kScore ? better : by_class);
  }
  std::vector<double> rows;
  std::vector<std::int64_t> indices;
  for (const SelectedBox& box : all) {
    rows.insert(rows.end(),
                {static_cast<double>(box.label), box.score, box.box[0], box.box[1], box.box[2], box.box[3]});
    indices.push_back(box.index);
  }
  const auto count = static_cast<std::int64_t>(all.size());
  std::vector<Tensor> tensors = {Tensor(type, {count, 6}), Tensor(selection.output_type, {count, 1}),
                                 Tensor(selection.output_type, {static_cast<std::int64_t>(counts.size())})};
  store(tensors[0].mutable_view(), rows);
  store(tensors[1].mutable_view(), indices);
  store(tensors[2].mutable_view(), counts);
  return tensors;
}

void check_boxes_and_scores(const BoxSelection& selection, const Shape& boxes, const Shape& scores) {
  check_index_type(selection.output_type, "output_type");
  check_range(selection.nms_top_k, -1, kMaxAttribute, "nms_top_k");
  check_range(selection.keep_top_k, -1, kMaxAttribute, "keep_top_k");
  check_rank(boxes, 3, 3, "boxes");
  check_rank(scores, 3, 3, "scores");
  if (!extents_agree(boxes[2], 4) || !extents_agree(boxes[0], scores[0]) || !extents_agree(boxes[1], scores[2])) {
    fail(ErrorCode::kInvalidModel, "boxes {} and scores {} do not fit, expected [N,M,4] and [N,C,M]", to_string(boxes),
         to_string(scores));
  }
}

std::vector<TensorType> selected_types(const BoxSelection& selection, const InputInfo& boxes, std::int64_t images) {
  return {
      {boxes.type.data_type, {kDynamic, 6}}, {selection.output_type, {kDynamic, 1}}, {selection.output_type, {images}}};
}

}  // namespace fovea::ops
