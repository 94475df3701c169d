// ExperimentalDetectronROIFeatureExtractor: features under regions [R,4], averaged to output_size², each from the level
// of a pyramid that fits its size. Inputs: regions, then features [1,C,H,W] of every level; outputs: [R,C,s,s], the
// regions.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/experimental-detectron-roi-feature-extractor-6.html

#include <algorithm>
#include <cmath>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/regions.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t output_size = 1;
  std::int64_t sampling_ratio = 0;  ///< Samples along each side of a bin; 0: as many as it has elements.
  std::vector<std::int64_t> pyramid_scales;
  bool aligned = false;  ///< Pixels are where their centres are.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_size", output_size);
    visit("sampling_ratio", sampling_ratio);
    visit("pyramid_scales", pyramid_scales);
    visit("aligned", aligned);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& regions = inputs[0].type.shape;
  check_range(attributes.output_size, 1, 1 << 12, "output_size");
  check_range(attributes.sampling_ratio, 0, 1 << 10, "sampling_ratio");
  if (attributes.pyramid_scales.size() + 1 < inputs.size()) {
    fail(ErrorCode::kInvalidModel, "pyramid_scales has {} values for {} levels", attributes.pyramid_scales.size(),
         inputs.size() - 1);
  }
  for (const std::int64_t scale : attributes.pyramid_scales) {
    check_range(scale, 1, kMaxAttribute, "pyramid_scales");
  }
  const std::int64_t channels = inputs[1].type.shape.size() == 4 ? inputs[1].type.shape[1] : 0;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    check_region_inputs(inputs[i].type.shape, regions, 4);
    if (!extents_agree(inputs[i].type.shape[1], channels) || !extents_agree(inputs[i].type.shape[0], 1)) {
      fail(ErrorCode::kInvalidModel, "level {} is {}, expected one item of {} channels", i - 1,
           to_string(inputs[i].type.shape), channels);
    }
  }
  return {{inputs[0].type.data_type, {regions[0], channels, attributes.output_size, attributes.output_size}},
          inputs[0].type};
}

/// Regions of 224² belong to level 2, of twice the side to level 3.
std::optional<std::size_t> level_of(const double* region, std::size_t levels) {
  const double area = (region[2] - region[0]) * (region[3] - region[1]);
  if (!(area > 0)) {
    return std::nullopt;
  }
  const double level = std::floor(2 + std::log2(std::sqrt(area) / 224 + 1e-6));
  return static_cast<std::size_t>(std::clamp(level, 0.0, static_cast<double>(levels - 1)));
}

/// One side of a region on its level.
struct Side {
  double start = 0;
  double bin = 0;
  std::int64_t samples = 1;
};

Side side_of(const Attributes& attributes, double low, double high, double scale, std::int64_t extent) {
  const double offset = attributes.aligned ? 0.5 : 0;
  const double start = low / scale - offset;
  const double size = std::max(high / scale - offset - start, 1.0);
  Side side{
      .start = start, .bin = size / static_cast<double>(attributes.output_size), .samples = attributes.sampling_ratio};
  if (side.samples == 0) {
    // A bin larger than the features cannot need more samples than these have elements.
    side.samples = static_cast<std::int64_t>(std::clamp(std::ceil(side.bin), 1.0, static_cast<double>(2 * extent)));
  }
  return side;
}

double average(const FeaturePlane& plane, const Side& vertical, const Side& horizontal, std::int64_t row,
               std::int64_t column) {
  double sum = 0;
  const auto position = [](const Side& side, std::int64_t bin, std::int64_t sample) {
    return side.start + side.bin * (static_cast<double>(bin) +
                                    (static_cast<double>(sample) + 0.5) / static_cast<double>(side.samples));
  };
  for (std::int64_t i = 0; i < vertical.samples; ++i) {
    for (std::int64_t j = 0; j < horizontal.samples; ++j) {
      const double y = position(vertical, row, i);
      const double x = position(horizontal, column, j);
      const bool near =
          y >= -1 && x >= -1 && y <= static_cast<double>(plane.height) && x <= static_cast<double>(plane.width);
      sum += near ? plane.sample(y, x) : 0;
    }
  }
  return sum / static_cast<double>(vertical.samples * horizontal.samples);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const std::vector<double> regions = to_doubles(inputs[0]);
  std::vector<FeatureMap> levels;
  for (const ConstTensorView& input : inputs.subspan(1)) {
    levels.emplace_back(input);
  }
  std::vector<double> result;
  for_each_output(outputs[0].shape(),
                  [&](std::size_t number, std::int64_t channel, std::int64_t row, std::int64_t column) {
                    const double* region = regions.data() + number * 4;
                    const auto level = level_of(region, levels.size());
                    const auto plane = level ? levels[*level].plane(0, channel) : std::nullopt;
                    if (!plane) {
                      result.push_back(0);
                      return;
                    }
                    const auto scale = static_cast<double>(attributes.pyramid_scales[*level]);
                    const Side vertical = side_of(attributes, region[1], region[3], scale, plane->height);
                    const Side horizontal = side_of(attributes, region[0], region[2], scale, plane->width);
                    result.push_back(average(*plane, vertical, horizontal, row, column));
                  });
  store(outputs[0], result);
  if (outputs.size() > 1) {
    copy_all(inputs[0], outputs[1]);
  }
}

}  // namespace

extern const OpDef experimental_detectron_roi_feature_extractor;
const OpDef experimental_detectron_roi_feature_extractor{
    .name = "ExperimentalDetectronROIFeatureExtractor",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "experimental-detectron-roi-feature-extractor-6.html",
    .inputs = {2, kVariadic},
    .openvino = {.type = "ExperimentalDetectronROIFeatureExtractor", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
