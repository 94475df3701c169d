// ROIPooling: features [N,C,H,W] under each region [batch, x0, y0, x1, y1], as [R,C,pooled_h,pooled_w]: the largest of
// each bin, or a bilinear sample of regions in [0,1]. Regions of a batch that does not exist give zeros.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/roi-pooling-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/regions.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class RoiPoolMethod : std::uint8_t { kMax, kBilinear };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::RoiPoolMethod> {
  static constexpr std::array kNames = {std::pair{"max", ops::RoiPoolMethod::kMax},
                                        std::pair{"bilinear", ops::RoiPoolMethod::kBilinear}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t pooled_h = 1;
  std::int64_t pooled_w = 1;
  double spatial_scale = 1;
  RoiPoolMethod method = RoiPoolMethod::kMax;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("pooled_h", pooled_h);
    visit("pooled_w", pooled_w);
    visit("spatial_scale", spatial_scale);
    visit("method", method);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_region_inputs(inputs[0].type.shape, inputs[1].type.shape, 5);
  check_range(attributes.pooled_h, 1, kMaxAttribute, "pooled_h");
  check_range(attributes.pooled_w, 1, kMaxAttribute, "pooled_w");
  return {{inputs[0].type.data_type,
           {inputs[1].type.shape[0], inputs[0].type.shape[1], attributes.pooled_h, attributes.pooled_w}}};
}

/// Input positions of bin `i` of `count` along an axis, cut off at its ends.
Bin max_bin(double low, double high, std::int64_t i, std::int64_t count, std::int64_t extent) {
  const double start = std::round(low);
  const double size = std::max(std::round(high) - start + 1, 1.0) / static_cast<double>(count);
  return clip_bin(std::floor(static_cast<double>(i) * size) + start,
                  std::ceil(static_cast<double>(i + 1) * size) + start, extent);
}

/// Sampling position `i` of `count` for a region side in [0,1].
double sample_position(double low, double high, std::int64_t i, std::int64_t count, std::int64_t extent) {
  const auto last = static_cast<double>(extent - 1);
  return count > 1 ? static_cast<double>(i) * (high - low) * last / static_cast<double>(count - 1) + low * last
                   : 0.5 * (low + high) * last;
}

double pool(const Attributes& attributes, const FeaturePlane& plane, const double* region, std::int64_t row,
            std::int64_t column) {
  if (attributes.method == RoiPoolMethod::kBilinear) {
    const double y = sample_position(region[2], region[4], row, attributes.pooled_h, plane.height);
    const double x = sample_position(region[1], region[3], column, attributes.pooled_w, plane.width);
    return plane.contains(y, x) ? plane.sample(y, x) : 0.0;
  }
  const double scale = attributes.spatial_scale;
  const Bin rows = max_bin(region[2] * scale, region[4] * scale, row, attributes.pooled_h, plane.height);
  const Bin columns = max_bin(region[1] * scale, region[3] * scale, column, attributes.pooled_w, plane.width);
  if (rows.first >= rows.last || columns.first >= columns.last) {
    return 0;
  }
  double best = -INFINITY;
  for (std::int64_t y = rows.first; y < rows.last; ++y) {
    for (std::int64_t x = columns.first; x < columns.last; ++x) {
      best = std::max(best, plane.at(y, x));
    }
  }
  return best;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const FeatureMap features(inputs[0]);
  const std::vector<double> regions = to_doubles(inputs[1]);
  std::vector<double> result;
  for_each_output(outputs[0].shape(),
                  [&](std::size_t region, std::int64_t channel, std::int64_t row, std::int64_t column) {
                    const double* values = regions.data() + region * 5;
                    const auto plane = features.plane(values[0], channel);
                    result.push_back(plane ? pool(attributes, *plane, values, row, column) : 0.0);
                  });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef roi_pooling;
const OpDef roi_pooling{
    .name = "ROIPooling",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "roi-pooling-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ROIPooling", .versions = {1, 2}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
