// ONNX Resize and Upsample.
#include <algorithm>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// What the resize is to do, per axis of the data.
struct Target {
  std::vector<double> scales;       ///< Empty when sizes are given.
  std::vector<std::int64_t> sizes;  ///< Empty when scales are given.
};

/// Axes that change; the others are left out, so that kernels and other readers of IR see a plain resize.
struct Change {
  std::vector<std::int64_t> axes;
  std::vector<std::int64_t> sizes;
  std::vector<double> scales;
};

Change find_change(const NodeContext& node, const Target& target, const Shape& shape) {
  const std::size_t count = target.scales.empty() ? target.sizes.size() : target.scales.size();
  if (count != shape.size()) {
    node.invalid(fmt::format("has {} sizes or scales, expected {}", count, shape.size()));
  }
  Change change;
  for (std::size_t i = 0; i < count; ++i) {
    const bool same = target.scales.empty() ? target.sizes[i] == shape[i] : target.scales[i] == 1;
    if (!same) {
      change.axes.push_back(static_cast<std::int64_t>(i));
      target.scales.empty() ? change.sizes.push_back(target.sizes[i]) : change.scales.push_back(target.scales[i]);
    }
  }
  return change;
}

ValueId interpolate(NodeContext& node, const Target& target, const std::vector<Attribute>& attributes) {
  const ValueId x = node.input(0);
  const Change change = find_change(node, target, node.shape(x));
  if (change.axes.empty()) {
    return x;
  }
  const bool by_sizes = target.scales.empty();
  const auto count = static_cast<std::int64_t>(change.axes.size());
  const ValueId amount = by_sizes ? node.integer_list(change.sizes)
                                  : node.constant(Tensor::of<double>({count}, change.scales).cast(DataType::kF32));
  std::vector<Attribute> all = attributes;
  all.emplace_back("shape_calculation_mode", by_sizes ? "sizes" : "scales");
  return node.add("Interpolate", {x, amount, node.integer_list(change.axes)}, all);
}

/// "linear" and "nearest" with what Upsample and Resize of opset 10 leave unsaid.
std::vector<Attribute> plain_attributes(const NodeContext& node) {
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear") {
    node.unsupported(fmt::format("has mode '{}', known are nearest and linear", mode));
  }
  return {{"mode", mode == "linear" ? "linear_onnx" : "nearest"},
          {"coordinate_transformation_mode", "asymmetric"},
          {"nearest_mode", "simple"}};
}

}  // namespace

Values convert_upsample(NodeContext& node) {
  Target target;
  target.scales = node.opset() < 9 ? node.reals("scales") : node.constant_reals(1, "scales");
  return {interpolate(node, target, plain_attributes(node))};
}

Values convert_resize(NodeContext& node) {
  Target target;
  if (node.opset() < 11) {
    target.scales = node.constant_reals(1, "scales");
    return {interpolate(node, target, plain_attributes(node))};
  }
  const std::string mode = node.text("mode", "nearest");
  const std::string coordinates = node.text("coordinate_transformation_mode", "half_pixel");
  if (mode != "nearest" && mode != "linear" && mode != "cubic") {
    node.invalid(fmt::format("has mode '{}', expected nearest, linear or cubic", mode));
  }
  if (coordinates == "tf_crop_and_resize" || coordinates == "half_pixel_symmetric") {
    node.unsupported(fmt::format("has coordinate_transformation_mode '{}'", coordinates));
  }
  if (mode == "cubic" && node.flag("exclude_outside", false)) {
    node.unsupported("has exclude_outside=1");
  }
  if (node.has_input(3)) {
    target.sizes = node.constant_integers(3, "sizes");
  }
  if (target.sizes.empty()) {
    target.scales = node.constant_reals(2, "scales");
  }
  return {interpolate(node, target,
                      {{"mode", mode == "linear" ? "linear_onnx" : mode},
                       {"coordinate_transformation_mode", coordinates},
                       {"nearest_mode", node.text("nearest_mode", "round_prefer_floor")},
                       {"cube_coeff", node.real("cubic_coeff_a", -0.75)},
                       {"antialias", node.flag("antialias", false)}})};
}

}  // namespace fovea::onnx
