#include "engine/ops/detection.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops/non_max.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// A candidate that survived suppression.
struct Kept {
  std::size_t label = 0;
  std::size_t prior = 0;
  double score = 0;
};

std::size_t limit(std::int64_t value, std::size_t most) {
  return value < 0 ? most : std::min(most, static_cast<std::size_t>(value));
}

/// One image of the problem.
class Image {
 public:
  Image(const DetectionOutputAttributes& attributes, const DetectionExtents& extents, const DetectionInputs& inputs,
        std::size_t image)
      : attributes_(attributes), extents_(extents), inputs_(inputs), image_(image) {
    boxes_.resize(extents.locations);
    for (std::size_t location = 0; location < extents.locations; ++location) {
      for (std::size_t prior = 0; prior < extents.priors; ++prior) {
        boxes_[location].push_back(decode(prior, location));
      }
    }
  }

  [[nodiscard]] const std::vector<Corners>& boxes(std::size_t label) const {
    return boxes_[attributes_.share_location ? 0 : label];
  }

  /// Probability of a class; a prior the first stage takes for background is nothing else.
  [[nodiscard]] double score(std::size_t prior, std::size_t label) const {
    const std::size_t index = image_ * extents_.priors + prior;
    if (!inputs_.arm_confidence.empty() && inputs_.arm_confidence[index * 2 + 1] < attributes_.objectness_score) {
      return is_background(label) ? 1.0 : 0.0;
    }
    return inputs_.confidence[index * extents_.classes + label];
  }

  [[nodiscard]] bool is_background(std::size_t label) const {
    return static_cast<std::int64_t>(label) == attributes_.background_label_id;
  }

  /// Best kept detections, by label and then by confidence.
  [[nodiscard]] std::vector<Kept> detect() const {
    std::vector<Kept> kept = attributes_.decrease_label_id ? suppress_by_prior() : suppress_by_class();
    const std::size_t most = limit(attributes_.keep_top_k.empty() ? -1 : attributes_.keep_top_k[0], kept.size());
    if (most < kept.size()) {
      std::ranges::stable_sort(kept, [](const Kept& a, const Kept& b) { return a.score > b.score; });
      kept.resize(most);
    }
    std::ranges::stable_sort(kept, [](const Kept& a, const Kept& b) { return a.label < b.label; });
    return kept;
  }

 private:
  [[nodiscard]] Corners decode(std::size_t prior, std::size_t location) const {
    const std::size_t stride = extents_.prior_values;
    const std::size_t rows = attributes_.variance_encoded_in_target ? 1 : 2;
    const std::size_t batch = extents_.prior_batch == 1 ? 0 : image_;
    const double* table = inputs_.priors.data() + batch * rows * extents_.priors * stride;
    const double* values = table + prior * stride + (attributes_.normalized ? 0 : 1);
    Corners anchor = {values[0], values[1], values[2], values[3]};
    if (!attributes_.normalized) {
      for (std::size_t i = 0; i < 4; ++i) {
        anchor[i] /= static_cast<double>(i % 2 == 0 ? attributes_.input_width : attributes_.input_height);
      }
    }
    Corners variance = {1, 1, 1, 1};
    if (!attributes_.variance_encoded_in_target) {
      const double* source = table + extents_.priors * stride + prior * 4;
      variance = {source[0], source[1], source[2], source[3]};
    }
    const std::size_t offset = ((image_ * extents_.priors + prior) * extents_.locations + location) * 4;
    if (!inputs_.arm_location.empty()) {
      anchor = apply_code(anchor, variance, inputs_.arm_location.data() + offset);
    }
    Corners box = apply_code(anchor, variance, inputs_.location.data() + offset);
    if (attributes_.clip_before_nms) {
      std::ranges::transform(box, box.begin(), [](double side) { return std::clamp(side, 0.0, 1.0); });
    }
    return box;
  }

  [[nodiscard]] Corners apply_code(const Corners& anchor, const Corners& variance, const double* code) const {
    if (attributes_.code_type == CodeType::kCorner) {
      return {anchor[0] + variance[0] * code[0], anchor[1] + variance[1] * code[1], anchor[2] + variance[2] * code[2],
              anchor[3] + variance[3] * code[3]};
    }
    const double width = anchor[2] - anchor[0];
    const double height = anchor[3] - anchor[1];
    const double x = variance[0] * code[0] * width + (anchor[0] + anchor[2]) / 2;
    const double y = variance[1] * code[1] * height + (anchor[1] + anchor[3]) / 2;
    const double half_width = std::exp(variance[2] * code[2]) * width / 2;
    const double half_height = std::exp(variance[3] * code[3]) * height / 2;
    return {x - half_width, y - half_height, x + half_width, y + half_height};
  }

  /// Caffe: each class has candidates of its own.
  [[nodiscard]] std::vector<Kept> suppress_by_class() const {
    std::vector<Kept> kept;
    for (std::size_t label = 0; label < extents_.classes; ++label) {
      if (is_background(label)) {
        continue;
      }
      std::vector<std::size_t> order;
      for (std::size_t prior = 0; prior < extents_.priors; ++prior) {
        if (score(prior, label) > attributes_.confidence_threshold) {
          order.push_back(prior);
        }
      }
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return score(a, label) > score(b, label); });
      order.resize(limit(attributes_.top_k, order.size()));
      for (const std::size_t prior : suppress(boxes(label), order, attributes_.nms_threshold, order.size())) {
        kept.push_back({label, prior, score(prior, label)});
      }
    }
    return kept;
  }

  /// MXNet: each prior stands for its best class only; candidates of all classes share top_k.
  [[nodiscard]] std::vector<Kept> suppress_by_prior() const {
    std::vector<Kept> candidates;
    for (std::size_t prior = 0; prior < extents_.priors; ++prior) {
      Kept best{.label = 0, .prior = prior, .score = -1};
      for (std::size_t label = 0; label < extents_.classes; ++label) {
        if (!is_background(label) && score(prior, label) > best.score) {
          best.label = label;
          best.score = score(prior, label);
        }
      }
      if (best.label > 0 && best.score >= attributes_.confidence_threshold) {
        candidates.push_back(best);
      }
    }
    std::ranges::stable_sort(candidates, [](const Kept& a, const Kept& b) { return a.score > b.score; });
    candidates.resize(limit(attributes_.top_k, candidates.size()));
    std::map<std::size_t, std::vector<std::size_t>> order;
    for (const Kept& candidate : candidates) {
      order[candidate.label].push_back(candidate.prior);
    }
    std::vector<Kept> kept;
    for (const auto& [label, priors] : order) {
      for (const std::size_t prior : suppress(boxes(label), priors, attributes_.nms_threshold, priors.size())) {
        kept.push_back({label, prior, score(prior, label)});
      }
    }
    return kept;
  }

  const DetectionOutputAttributes& attributes_;
  const DetectionExtents& extents_;
  const DetectionInputs& inputs_;
  std::size_t image_;
  std::vector<std::vector<Corners>> boxes_;  ///< By location class and prior.
};

/// One axis of an input shape that must have this extent.
void check_extent(const Shape& shape, std::size_t axis, std::int64_t expected, std::string_view what) {
  if (shape.size() <= axis || shape[axis] != expected) {
    fail(ErrorCode::kInvalidModel, "{} has shape {}, expected {} along axis {}", what, to_string(shape), expected,
         axis);
  }
}

}  // namespace

DetectionExtents detection_extents(const DetectionOutputAttributes& attributes, const std::vector<Shape>& shapes) {
  const Shape& location = shapes[0];
  const Shape& confidence = shapes[1];
  const Shape& priors = shapes[2];
  for (const Shape& shape : shapes) {
    check_static(shape, "an input");
  }
  check_rank(location, 2, 2, "location");
  check_rank(confidence, 2, 2, "confidence");
  check_rank(priors, 3, 3, "priors");
  const std::int64_t values = attributes.normalized ? 4 : 5;
  const std::int64_t count = priors[2] / values;
  if (count == 0 || priors[2] % values != 0) {
    fail(ErrorCode::kInvalidModel, "priors has shape {}, expected a positive multiple of {} along axis 2",
         to_string(priors), values);
  }
  const std::int64_t classes = attributes.num_classes > 0 ? attributes.num_classes : confidence[1] / count;
  check_range(classes, 1, kMaxAttribute, "num_classes");
  check_range(attributes.input_width, 1, kMaxAttribute, "input_width");
  check_range(attributes.input_height, 1, kMaxAttribute, "input_height");
  const std::int64_t locations = attributes.share_location ? 1 : classes;
  const std::int64_t images = location[0];
  check_extent(confidence, 0, images, "confidence");
  check_extent(confidence, 1, multiply_extents(count, classes), "confidence");
  check_extent(location, 1, multiply_extents(multiply_extents(count, locations), 4), "location");
  check_extent(priors, 1, attributes.variance_encoded_in_target ? 1 : 2, "priors");
  if (priors[0] != 1) {
    check_extent(priors, 0, images, "priors");
  }
  if (shapes.size() > 3) {
    check_extent(shapes[3], 0, images, "arm confidence");
    check_extent(shapes[3], 1, multiply_extents(count, 2), "arm confidence");
    check_extent(shapes[4], 0, images, "arm location");
    check_extent(shapes[4], 1, location[1], "arm location");
  }
  const std::int64_t keep = attributes.keep_top_k.empty() ? -1 : attributes.keep_top_k[0];
  check_range(keep, -1, kMaxAttribute, "keep_top_k");
  check_range(attributes.top_k, -1, kMaxAttribute, "top_k");
  const std::int64_t per_image = keep > 0               ? keep
                                 : attributes.top_k > 0 ? multiply_extents(attributes.top_k, classes)
                                                        : multiply_extents(classes, count);
  return {.images = static_cast<std::size_t>(images),
          .priors = static_cast<std::size_t>(count),
          .classes = static_cast<std::size_t>(classes),
          .locations = static_cast<std::size_t>(locations),
          .prior_values = static_cast<std::size_t>(values),
          .prior_batch = static_cast<std::size_t>(priors[0]),
          .rows = multiply_extents(images, per_image)};
}

std::vector<double> detect(const DetectionOutputAttributes& attributes, const DetectionExtents& extents,
                           const DetectionInputs& inputs) {
  const auto capacity = static_cast<std::size_t>(extents.rows);
  std::vector<double> rows;
  for (std::size_t i = 0; i < extents.images; ++i) {
    const Image image(attributes, extents, inputs, i);
    for (const Kept& kept : image.detect()) {
      if (rows.size() / 7 >= capacity) {
        break;
      }
      Corners box = image.boxes(kept.label)[kept.prior];
      if (attributes.clip_after_nms) {
        std::ranges::transform(box, box.begin(), [](double side) { return std::clamp(side, 0.0, 1.0); });
      }
      const auto label = static_cast<double>(kept.label) - (attributes.decrease_label_id ? 1 : 0);
      rows.insert(rows.end(), {static_cast<double>(i), label, kept.score});
      rows.insert(rows.end(), box.begin(), box.end());
    }
  }
  if (rows.size() / 7 < capacity) {
    rows.push_back(-1);
  }
  rows.resize(capacity * 7, 0.0);
  return rows;
}

}  // namespace fovea::ops
