// PSROIPooling: like ROIPooling, but each bin of an output channel reads an input channel of its own: means of bins, or
// bilinear samples of regions in [0,1] averaged over a grid of spatial bins.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/psroi-pooling-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/regions.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class PsRoiMode : std::uint8_t { kAverage, kBilinear };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::PsRoiMode> {
  static constexpr std::array kNames = {std::pair{"average", ops::PsRoiMode::kAverage},
                                        std::pair{"bilinear", ops::PsRoiMode::kBilinear}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t output_dim = 1;
  std::int64_t group_size = 1;
  double spatial_scale = 1;
  PsRoiMode mode = PsRoiMode::kAverage;
  std::int64_t spatial_bins_x = 1;
  std::int64_t spatial_bins_y = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_dim", output_dim);
    visit("group_size", group_size);
    visit("spatial_scale", spatial_scale);
    visit("mode", mode);
    visit("spatial_bins_x", spatial_bins_x);
    visit("spatial_bins_y", spatial_bins_y);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& features = inputs[0].type.shape;
  check_region_inputs(features, inputs[1].type.shape, 5);
  check_range(attributes.output_dim, 1, kMaxAttribute, "output_dim");
  check_range(attributes.group_size, 1, 1 << 15, "group_size");
  check_range(attributes.spatial_bins_x, 1, 1 << 15, "spatial_bins_x");
  check_range(attributes.spatial_bins_y, 1, 1 << 15, "spatial_bins_y");
  const bool average = attributes.mode == PsRoiMode::kAverage;
  const std::int64_t bins =
      average ? attributes.group_size * attributes.group_size : attributes.spatial_bins_x * attributes.spatial_bins_y;
  if (!extents_agree(features[1], multiply_extents(attributes.output_dim, bins))) {
    fail(ErrorCode::kInvalidModel, "features have {} channels, expected {} times {}", features[1],
         attributes.output_dim, bins);
  }
  return {{inputs[0].type.data_type,
           {inputs[1].type.shape[0], attributes.output_dim, attributes.group_size, attributes.group_size}}};
}

double mean_of_bin(const Attributes& attributes, const FeaturePlane& plane, const double* region, std::int64_t row,
                   std::int64_t column) {
  const auto bin = [&](double low, double high, std::int64_t i, std::int64_t extent) {
    const double start = std::round(low) * attributes.spatial_scale;
    const double end = (std::round(high) + 1) * attributes.spatial_scale;
    const double size = (end - start) / static_cast<double>(attributes.group_size);
    return clip_bin(std::floor(start + static_cast<double>(i) * size),
                    std::ceil(start + static_cast<double>(i + 1) * size), extent);
  };
  const Bin rows = bin(region[2], region[4], row, plane.height);
  const Bin columns = bin(region[1], region[3], column, plane.width);
  double sum = 0;
  for (std::int64_t y = rows.first; y < rows.last; ++y) {
    for (std::int64_t x = columns.first; x < columns.last; ++x) {
      sum += plane.at(y, x);
    }
  }
  const std::int64_t count =
      std::max<std::int64_t>(rows.last - rows.first, 0) * std::max<std::int64_t>(columns.last - columns.first, 0);
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

/// Position within spatial bin `bin` for output position `i`.
double sample_position(double low, double high, std::int64_t bins, std::int64_t bin, std::int64_t i, std::int64_t count,
                       std::int64_t extent) {
  const auto last = static_cast<double>(extent - 1);
  const double size = (high - low) / static_cast<double>(bins);
  const double start = low + static_cast<double>(bin) * size;
  return count > 1 ? static_cast<double>(i) * size * last / static_cast<double>(count - 1) + start * last
                   : (2 * start + size) * last / 2;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const FeatureMap features(inputs[0]);
  const std::vector<double> regions = to_doubles(inputs[1]);
  const std::int64_t group = attributes.group_size;
  const double scale = attributes.spatial_scale;
  std::vector<double> result;
  for_each_output(outputs[0].shape(),
                  [&](std::size_t number, std::int64_t channel, std::int64_t row, std::int64_t column) {
                    const double* region = regions.data() + number * 5;
                    if (attributes.mode == PsRoiMode::kAverage) {
                      const auto plane = features.plane(region[0], (channel * group + row) * group + column);
                      result.push_back(plane ? mean_of_bin(attributes, *plane, region, row, column) : 0.0);
                      return;
                    }
                    double sum = 0;
                    for (std::int64_t by = 0; by < attributes.spatial_bins_y; ++by) {
                      for (std::int64_t bx = 0; bx < attributes.spatial_bins_x; ++bx) {
                        const std::int64_t bin = by * attributes.spatial_bins_x + bx;
                        const auto plane = features.plane(region[0], bin * attributes.output_dim + channel);
                        if (!plane) {
                          continue;
                        }
                        const double y = sample_position(region[2] * scale, region[4] * scale,
                                                         attributes.spatial_bins_y, by, row, group, plane->height);
                        const double x = sample_position(region[1] * scale, region[3] * scale,
                                                         attributes.spatial_bins_x, bx, column, group, plane->width);
                        sum += plane->contains(y, x) ? plane->sample(y, x) : 0.0;
                      }
                    }
                    result.push_back(sum / static_cast<double>(attributes.spatial_bins_x * attributes.spatial_bins_y));
                  });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef psroi_pooling;
const OpDef psroi_pooling{
    .name = "PSROIPooling",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "psroi-pooling-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "PSROIPooling", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
