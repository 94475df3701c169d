// DeformablePSROIPooling: averages of features [N,D*g*g,H,W] under g*g bins of regions [R,5] (image, x1, y1, x2, y2),
// each bin from channels of its own and moved by offsets [R,2*K,p,p], K groups of classes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/deformable-psroi-pooling-1.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/regions.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t output_dim = 1;
  double spatial_scale = 1;
  std::int64_t group_size = 1;
  std::string mode = "bilinear_deformable";
  std::int64_t spatial_bins_x = 1;  ///< Samples of a bin in each direction.
  std::int64_t spatial_bins_y = 1;
  double trans_std = 1;  ///< Factor of the offsets, which are shares of the region's extent.
  std::int64_t part_size = 1;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_dim", output_dim);
    visit("spatial_scale", spatial_scale);
    visit("group_size", group_size);
    visit("mode", mode);
    visit("spatial_bins_x", spatial_bins_x);
    visit("spatial_bins_y", spatial_bins_y);
    visit("trans_std", trans_std);
    visit("part_size", part_size);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& features = inputs[0].type.shape;
  const Shape& regions = inputs[1].type.shape;
  check_region_inputs(features, regions, 5);
  check_range(attributes.output_dim, 1, kMaxAttribute, "output_dim");
  check_range(attributes.group_size, 1, 1 << 10, "group_size");
  check_range(attributes.part_size, 1, 1 << 10, "part_size");
  check_range(attributes.spatial_bins_x, 1, 1 << 8, "spatial_bins_x");
  check_range(attributes.spatial_bins_y, 1, 1 << 8, "spatial_bins_y");
  if (to_lower(attributes.mode) != "bilinear_deformable") {
    fail(ErrorCode::kUnsupported, "mode '{}', expected bilinear_deformable", attributes.mode);
  }
  const std::int64_t bins = attributes.group_size * attributes.group_size;
  if (!extents_agree(features[1], multiply_extents(attributes.output_dim, bins))) {
    fail(ErrorCode::kInvalidModel, "features have {} channels, expected {} for each of {} bins", features[1],
         attributes.output_dim, bins);
  }
  if (has_input(node, inputs, 2)) {
    const Shape& offsets = inputs[2].type.shape;
    check_rank(offsets, 4, 4, "offsets");
    check_static(offsets, "offsets");
    if (!extents_agree(offsets[0], regions[0]) || offsets[1] < 2 || offsets[1] % 2 != 0 ||
        attributes.output_dim % (offsets[1] / 2) != 0 || offsets[2] != attributes.part_size ||
        offsets[3] != attributes.part_size) {
      fail(ErrorCode::kInvalidModel, "offsets are {}, expected [{},2*K,{},{}] with K a divisor of {}",
           to_string(offsets), regions[0], attributes.part_size, attributes.part_size, attributes.output_dim);
    }
  }
  return {
      {inputs[0].type.data_type, {regions[0], attributes.output_dim, attributes.group_size, attributes.group_size}}};
}

/// One side of a region in feature coordinates.
struct Side {
  double start = 0;
  double size = 0;
};

Side side_of(double low, double high, double scale) {
  const double start = std::round(low) * scale - 0.5;
  return {start, std::max((std::round(high) + 1) * scale - 0.5 - start, 0.1)};
}

/// Average of the samples that lie on the features.
double average(const Attributes& attributes, const FeaturePlane& plane, double y, double x, double height,
               double width) {
  double sum = 0;
  int count = 0;
  for (std::int64_t i = 0; i < attributes.spatial_bins_y; ++i) {
    for (std::int64_t j = 0; j < attributes.spatial_bins_x; ++j) {
      const double row = y + static_cast<double>(i) * height / static_cast<double>(attributes.spatial_bins_y);
      const double column = x + static_cast<double>(j) * width / static_cast<double>(attributes.spatial_bins_x);
      if (row >= -0.5 && column >= -0.5 && row <= static_cast<double>(plane.height) - 0.5 &&
          column <= static_cast<double>(plane.width) - 0.5) {
        sum += plane.sample(row, column);
        ++count;
      }
    }
  }
  return count == 0 ? 0 : sum / count;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const FeatureMap features(inputs[0]);
  const std::vector<double> regions = to_doubles(inputs[1]);
  const bool moved = has_input(inputs, 2);
  const std::vector<double> offsets = moved ? to_doubles(inputs[2]) : std::vector<double>();
  const std::int64_t classes = moved ? inputs[2].shape()[1] / 2 : 1;
  const std::int64_t parts = attributes.part_size;
  const std::int64_t group = attributes.group_size;
  std::vector<double> result;
  for_each_output(outputs[0].shape(), [&](std::size_t number, std::int64_t channel, std::int64_t row,
                                          std::int64_t column) {
    const double* region = regions.data() + number * 5;
    const auto plane = features.plane(region[0], (channel * group + row) * group + column);
    if (!plane) {
      result.push_back(0);
      return;
    }
    const Side vertical = side_of(region[2], region[4], attributes.spatial_scale);
    const Side horizontal = side_of(region[1], region[3], attributes.spatial_scale);
    const auto offset = [&](std::int64_t direction) {
      const std::int64_t own = channel / (attributes.output_dim / classes) * 2 + direction;
      const std::int64_t place = (own * parts + row * parts / group) * parts + column * parts / group;
      return offsets[number * static_cast<std::size_t>(2 * classes * parts * parts) + static_cast<std::size_t>(place)] *
             attributes.trans_std;
    };
    const double height = vertical.size / static_cast<double>(group);
    const double width = horizontal.size / static_cast<double>(group);
    const double y = vertical.start + static_cast<double>(row) * height + (moved ? offset(1) * vertical.size : 0);
    const double x = horizontal.start + static_cast<double>(column) * width + (moved ? offset(0) * horizontal.size : 0);
    result.push_back(average(attributes, *plane, y, x, height, width));
  });
  store(outputs[0], result);
}

}  // namespace

extern const OpDef deformable_psroi_pooling;
const OpDef deformable_psroi_pooling{
    .name = "DeformablePSROIPooling",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "deformable-psroi-pooling-1.html",
    .inputs = {2, 3},
    .openvino = {.type = "DeformablePSROIPooling", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
