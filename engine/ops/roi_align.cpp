// ROIAlign: mean or largest of bilinear samples in each bin of regions [x0, y0, x1, y1]; inputs are features [N,C,H,W],
// regions [R,4] and their batch numbers [R].
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/roi-align-9.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/regions.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class RoiAlignPool : std::uint8_t { kAvg, kMax };
enum class AlignedMode : std::uint8_t { kAsymmetric, kHalfPixelForNn, kHalfPixel };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::RoiAlignPool> {
  static constexpr std::array kNames = {std::pair{"avg", ops::RoiAlignPool::kAvg},
                                        std::pair{"max", ops::RoiAlignPool::kMax}};
};
template <>
struct EnumNames<ops::AlignedMode> {
  static constexpr std::array kNames = {std::pair{"asymmetric", ops::AlignedMode::kAsymmetric},
                                        std::pair{"half_pixel_for_nn", ops::AlignedMode::kHalfPixelForNn},
                                        std::pair{"half_pixel", ops::AlignedMode::kHalfPixel}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t pooled_h = 1;
  std::int64_t pooled_w = 1;
  std::int64_t sampling_ratio = 0;  ///< Samples along each side of a bin; 0: as many as it has elements.
  double spatial_scale = 1;
  RoiAlignPool mode = RoiAlignPool::kAvg;
  AlignedMode aligned_mode = AlignedMode::kAsymmetric;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("pooled_h", pooled_h);
    visit("pooled_w", pooled_w);
    visit("sampling_ratio", sampling_ratio);
    visit("spatial_scale", spatial_scale);
    visit("mode", mode);
    visit("aligned_mode", aligned_mode);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& regions = inputs[1].type.shape;
  check_region_inputs(inputs[0].type.shape, regions, 4);
  check_range(attributes.pooled_h, 1, kMaxAttribute, "pooled_h");
  check_range(attributes.pooled_w, 1, kMaxAttribute, "pooled_w");
  check_range(attributes.sampling_ratio, 0, 1 << 10, "sampling_ratio");
  check_rank(inputs[2].type.shape, 1, 1, "batch numbers");
  if (!extents_agree(inputs[2].type.shape[0], regions[0])) {
    fail(ErrorCode::kInvalidModel, "there are {} batch numbers for {} regions", inputs[2].type.shape[0], regions[0]);
  }
  return {{inputs[0].type.data_type, {regions[0], inputs[0].type.shape[1], attributes.pooled_h, attributes.pooled_w}}};
}

/// One side of a region in feature coordinates, divided into bins.
struct Side {
  double start = 0;
  double bin = 0;
  std::int64_t samples = 1;

  [[nodiscard]] double position(std::int64_t bin_number, std::int64_t sample) const {
    return start + static_cast<double>(bin_number) * bin +
           bin / static_cast<double>(samples) * (static_cast<double>(sample) + 0.5);
  }
};

Side make_side(const Attributes& attributes, double low, double high, std::int64_t bins, std::int64_t extent) {
  const double source = attributes.aligned_mode == AlignedMode::kHalfPixel ? 0.5 : 0.0;
  const double target = attributes.aligned_mode == AlignedMode::kAsymmetric ? 0.0 : -0.5;
  const double start = (low + source) * attributes.spatial_scale + target;
  double size = (high + source) * attributes.spatial_scale + target - start;
  if (attributes.aligned_mode == AlignedMode::kAsymmetric) {
    size = std::max(size, 1.0);
  }
  Side side{.start = start, .bin = size / static_cast<double>(bins), .samples = attributes.sampling_ratio};
  if (side.samples == 0) {
    // A bin larger than the features cannot need more samples than these have elements.
    const double wanted = std::ceil(side.bin);
    side.samples = wanted >= 1 ? static_cast<std::int64_t>(std::min(wanted, static_cast<double>(2 * extent))) : 0;
  }
  return side;
}

double pool(RoiAlignPool mode, const FeaturePlane& plane, const Side& vertical, const Side& horizontal,
            std::int64_t row, std::int64_t column) {
  double result = 0;
  for (std::int64_t i = 0; i < vertical.samples; ++i) {
    for (std::int64_t j = 0; j < horizontal.samples; ++j) {
      const double y = vertical.position(row, i);
      const double x = horizontal.position(column, j);
      const bool near =
          y >= -1 && x >= -1 && y <= static_cast<double>(plane.height) && x <= static_cast<double>(plane.width);
      const double value = near ? plane.sample(y, x) : 0.0;
      if (mode == RoiAlignPool::kMax) {
        result = std::max(result, value);
      } else {
        result += value / static_cast<double>(vertical.samples * horizontal.samples);
      }
    }
  }
  return result;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const FeatureMap features(inputs[0]);
  const std::vector<double> regions = to_doubles(inputs[1]);
  const std::vector<double> batches = to_doubles(inputs[2]);
  std::vector<double> result;
  for_each_output(
      outputs[0].shape(), [&](std::size_t number, std::int64_t channel, std::int64_t row, std::int64_t column) {
        const double* region = regions.data() + number * 4;
        const auto plane = features.plane(batches[number], channel);
        if (!plane) {
          result.push_back(0);
          return;
        }
        const Side vertical = make_side(attributes, region[1], region[3], attributes.pooled_h, plane->height);
        const Side horizontal = make_side(attributes, region[0], region[2], attributes.pooled_w, plane->width);
        result.push_back(pool(attributes.mode, *plane, vertical, horizontal, row, column));
      });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef roi_align;
const OpDef roi_align{
    .name = "ROIAlign",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "roi-align-9.html",
    .inputs = {3, 3},
    .openvino = {.type = "ROIAlign", .versions = {3, 9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
