// What MatrixNms and MulticlassNms share: boxes chosen for each image and class, their order and the output tensors.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/ops/non_max.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class BoxOrder : std::uint8_t { kNone, kClass, kScore };

struct SelectedBox {
  std::int64_t image = 0;
  std::int64_t label = 0;
  std::int64_t index = 0;  ///< What the second output shows.
  double score = 0;
  Corners box = {};
};

/// Common attributes.
struct BoxSelection {
  BoxOrder sort_result_type = BoxOrder::kNone;
  bool sort_result_across_batch = false;
  DataType output_type = DataType::kI64;
  double score_threshold = 0;
  std::int64_t nms_top_k = -1;   ///< Candidates of a class; -1: all.
  std::int64_t keep_top_k = -1;  ///< Boxes of an image; -1: all.
  std::int64_t background_class = -1;
  bool normalized = true;  ///< Else boxes count pixels, and their sides are one longer than the difference.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("sort_result_type", sort_result_type);
    visit("sort_result_across_batch", sort_result_across_batch);
    visit("output_type", output_type);
    visit("score_threshold", score_threshold);
    visit("nms_top_k", nms_top_k);
    visit("keep_top_k", keep_top_k);
    visit("background_class", background_class);
    visit("normalized", normalized);
  }
  bool operator==(const BoxSelection&) const = default;
};

/// Indices of the scores that pass, best first, at most nms_top_k.
/// \param at_least  Scores equal to the threshold pass.
std::vector<std::size_t> candidates(const BoxSelection& selection, const std::vector<double>& scores, bool at_least);

/// The best of an image: all its boxes by score, at most keep_top_k, then in the order wanted within an image.
std::vector<SelectedBox> best_of_image(const BoxSelection& selection, std::vector<SelectedBox> boxes);

/// Outputs [K,6] (class, score, corners), [K,1] and the number of each image.
std::vector<Tensor> selected_tensors(const BoxSelection& selection, std::vector<std::vector<SelectedBox>> images,
                                     DataType type);

/// Boxes [N,M,4] and scores [N,C,M]. \throws Error{kInvalidModel}.
void check_boxes_and_scores(const BoxSelection& selection, const Shape& boxes, const Shape& scores);

/// Types of selected_tensors.
std::vector<TensorType> selected_types(const BoxSelection& selection, const InputInfo& boxes, std::int64_t images);

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::BoxOrder> {
  static constexpr std::array kNames = {std::pair{"none", ops::BoxOrder::kNone},
                                        std::pair{"classid", ops::BoxOrder::kClass},
                                        std::pair{"score", ops::BoxOrder::kScore}};
};
}  // namespace fovea
