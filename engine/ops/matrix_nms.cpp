// MatrixNms: boxes of each class, whose scores decay with the overlap by better ones instead of being suppressed.
// Inputs: boxes [N,M,4], scores [N,C,M]; outputs: rows of class, score and corners; index n*M+m; number of each image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/matrix-non-max-suppression-8.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/selected_boxes.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class Decay : std::uint8_t { kLinear, kGaussian };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::Decay> {
  static constexpr std::array kNames = {std::pair{"linear", ops::Decay::kLinear},
                                        std::pair{"gaussian", ops::Decay::kGaussian}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes : BoxSelection {
  Decay decay_function = Decay::kLinear;
  double gaussian_sigma = 2;
  double post_threshold = 0;  ///< Decayed scores must be above.

  template <class Visitor>
  void describe(Visitor& visit) {
    BoxSelection::describe(visit);
    visit("decay_function", decay_function);
    visit("gaussian_sigma", gaussian_sigma);
    visit("post_threshold", post_threshold);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_boxes_and_scores(attributes, inputs[0].type.shape, inputs[1].type.shape);
  return selected_types(attributes, inputs[0], inputs[0].type.shape[0]);
}

double decay(const Attributes& attributes, double overlap, double most) {
  if (attributes.decay_function == Decay::kGaussian) {
    return std::exp((most * most - overlap * overlap) * attributes.gaussian_sigma);
  }
  return most < 1 ? (1 - overlap) / (1 - most) : 1;
}

/// Scores of the candidates (best first) after decay.
std::vector<double> decayed(const Attributes& attributes, const std::vector<Corners>& boxes,
                            const std::vector<std::size_t>& order, const std::vector<double>& scores) {
  std::vector<double> most(order.size(), 0);  // largest overlap with a better one
  std::vector<double> result;
  for (std::size_t i = 0; i < order.size(); ++i) {
    double factor = 1;
    for (std::size_t j = 0; j < i; ++j) {
      const double overlap = intersection_over_union(boxes[order[i]], boxes[order[j]], attributes.normalized ? 0 : 1);
      most[i] = std::max(most[i], overlap);
      factor = std::min(factor, decay(attributes, overlap, most[j]));
    }
    result.push_back(factor * scores[order[i]]);
  }
  return result;
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[1].shape();
  const auto count = static_cast<std::size_t>(shape[2]);
  const std::vector<double> coordinates = to_doubles(inputs[0]);
  const std::vector<double> all_scores = to_doubles(inputs[1]);
  std::vector<std::vector<SelectedBox>> images;
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    std::vector<Corners> boxes(count);
    for (std::size_t i = 0; i < count * 4; ++i) {
      boxes[i / 4][i % 4] = coordinates[static_cast<std::size_t>(image) * count * 4 + i];
    }
    std::vector<SelectedBox> selected;
    for (std::int64_t label = 0; label < shape[1]; ++label) {
      if (label == attributes.background_class) {
        continue;
      }
      const auto begin = all_scores.begin() + (image * shape[1] + label) * shape[2];
      const std::vector<double> scores(begin, begin + shape[2]);
      const std::vector<std::size_t> order = candidates(attributes, scores, false);
      const std::vector<double> lowered = decayed(attributes, boxes, order, scores);
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (lowered[i] > attributes.post_threshold) {
          selected.push_back(
              {image, label, image * shape[2] + static_cast<std::int64_t>(order[i]), lowered[i], boxes[order[i]]});
        }
      }
    }
    images.push_back(best_of_image(attributes, std::move(selected)));
  }
  return selected_tensors(attributes, std::move(images), inputs[0].type.data_type);
}

}  // namespace

extern const OpDef matrix_nms;
const OpDef matrix_nms{
    .name = "MatrixNms",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/"
        "matrix-non-max-suppression-8.html",
    .inputs = {2, 2},
    .openvino = {.type = "MatrixNms", .versions = {8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
