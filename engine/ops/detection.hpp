// The attributes and the arithmetic of DetectionOutput: decoding boxes from priors, suppression, ordering.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class CodeType : std::uint8_t { kCorner, kCenterSize };

struct DetectionOutputAttributes {
  std::int64_t num_classes = 0;  ///< Background included; 0 (opset 8): from the shapes.
  std::int64_t background_label_id = 0;
  std::int64_t top_k = -1;                    ///< Candidates per class (Caffe) or image (MXNet); -1: all.
  std::vector<std::int64_t> keep_top_k = {};  ///< First value: detections per image; -1: all.
  CodeType code_type = CodeType::kCorner;
  bool share_location = true;
  double nms_threshold = 0;
  double confidence_threshold = 0;
  bool variance_encoded_in_target = false;
  bool normalized = false;
  bool clip_before_nms = false;
  bool clip_after_nms = false;
  bool decrease_label_id = false;  ///< The MXNet way: best class per prior, labels without background.
  std::int64_t input_height = 1;
  std::int64_t input_width = 1;
  double objectness_score = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("num_classes", num_classes);
    visit("background_label_id", background_label_id);
    visit("top_k", top_k);
    visit("keep_top_k", keep_top_k);
    visit("code_type", code_type);
    visit("share_location", share_location);
    visit("nms_threshold", nms_threshold);
    visit("confidence_threshold", confidence_threshold);
    visit("variance_encoded_in_target", variance_encoded_in_target);
    visit("normalized", normalized);
    visit("clip_before_nms", clip_before_nms);
    visit("clip_after_nms", clip_after_nms);
    visit("decrease_label_id", decrease_label_id);
    visit("input_height", input_height);
    visit("input_width", input_width);
    visit("objectness_score", objectness_score);
  }
  bool operator==(const DetectionOutputAttributes&) const = default;
};

/// Extents of the problem, read off the input shapes.
struct DetectionExtents {
  std::size_t images = 0;
  std::size_t priors = 0;
  std::size_t classes = 0;
  std::size_t locations = 0;  ///< Box predictions a prior: 1 when shared.
  std::size_t prior_values = 4;
  std::size_t prior_batch = 1;
  std::int64_t rows = 0;  ///< Of the output.
};

/// \param shapes  Of location, confidence, priors and, when there are five inputs, arm confidence and arm location.
/// \throws Error{kInvalidModel} when shapes and attributes contradict each other.
DetectionExtents detection_extents(const DetectionOutputAttributes& attributes, const std::vector<Shape>& shapes);

/// Inputs as doubles; the arm ones are empty when absent.
struct DetectionInputs {
  std::vector<double> location;
  std::vector<double> confidence;
  std::vector<double> priors;
  std::vector<double> arm_confidence;
  std::vector<double> arm_location;
};

/// Rows of 7 values: image, label, confidence, xmin, ymin, xmax, ymax; a -1 follows the last one, then zeros.
std::vector<double> detect(const DetectionOutputAttributes& attributes, const DetectionExtents& extents,
                           const DetectionInputs& inputs);

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::CodeType> {
  static constexpr std::array kNames = {std::pair{"caffe.PriorBoxParameter.CORNER", ops::CodeType::kCorner},
                                        std::pair{"caffe.PriorBoxParameter.CENTER_SIZE", ops::CodeType::kCenterSize},
                                        std::pair{"corner", ops::CodeType::kCorner},
                                        std::pair{"center_size", ops::CodeType::kCenterSize}};
};
}  // namespace fovea
