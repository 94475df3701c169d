#include "engine/ops/anchor_proposals.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fovea::ops {

Corners move_box(const Corners& box, const double* deltas, std::size_t stride, double most_log, double offset) {
  const double width = box[2] - box[0] + offset;
  const double height = box[3] - box[1] + offset;
  const double x = box[0] + 0.5 * width + deltas[0] * width;
  const double y = box[1] + 0.5 * height + deltas[stride] * height;
  const double half_width = 0.5 * std::exp(std::min(deltas[2 * stride], most_log)) * width;
  const double half_height = 0.5 * std::exp(std::min(deltas[3 * stride], most_log)) * height;
  return {x - half_width, y - half_height, x + half_width - offset, y + half_height - offset};
}

ScoredBoxes propose(const ProposalSettings& settings, const std::vector<double>& anchors, const double* deltas,
                    const double* scores, std::size_t anchors_per_cell, std::size_t cells) {
  const double most_log = std::log(1000.0 / 16);  // no box grows beyond this
  std::vector<Corners> boxes;
  std::vector<double> box_scores;
  std::vector<bool> large;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    for (std::size_t a = 0; a < anchors_per_cell; ++a) {
      const double* anchor = anchors.data() + (cell * anchors_per_cell + a) * 4;
      Corners box = move_box({anchor[0], anchor[1], anchor[2], anchor[3]}, deltas + a * 4 * cells + cell, cells,
                             most_log, settings.offset);
      for (std::size_t i = 0; i < 4; ++i) {
        const double most = (i % 2 == 0 ? settings.width : settings.height) - settings.offset;
        box[i] = std::max(0.0, std::min(box[i], most));
      }
      boxes.push_back(box);
      box_scores.push_back(scores[a * cells + cell]);
      large.push_back(box[2] - box[0] + settings.offset >= settings.min_width &&
                      box[3] - box[1] + settings.offset >= settings.min_height);
    }
  }
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return box_scores[a] > box_scores[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max<std::int64_t>(settings.candidates, 0))));
  std::erase_if(order, [&](std::size_t i) { return !large[i]; });
  ScoredBoxes result;
  for (const std::size_t i :
       suppress(boxes, order, settings.threshold, static_cast<std::size_t>(std::max<std::int64_t>(settings.most, 0)),
                settings.overlap_offset)) {
    result.boxes.push_back(boxes[i]);
    result.scores.push_back(box_scores[i]);
  }
  return result;
}

}  // namespace fovea::ops
