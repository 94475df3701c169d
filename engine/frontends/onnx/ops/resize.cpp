// ONNX Resize and Upsample.
#include <algorithm>
#include <cmath>

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

/// Values for the axes of the attribute (opset 18) as values for all axes.
void spread_over_axes(const NodeContext& node, Target& target) {
  const Shape& shape = node.shape(node.input(0));
  const std::vector<std::int64_t> axes = node.integers("axes");
  const bool by_sizes = target.scales.empty();
  if ((by_sizes ? target.sizes.size() : target.scales.size()) != axes.size()) {
    node.invalid(fmt::format("has {} axes and another number of sizes or scales", axes.size()));
  }
  Target all;
  by_sizes ? all.sizes.assign(shape.begin(), shape.end()) : all.scales.assign(shape.size(), 1.0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(node.normal_axis(axes[i], shape.size()));
    if (by_sizes) {
      all.sizes[axis] = target.sizes[i];
    } else {
      all.scales[axis] = target.scales[i];
    }
  }
  target = all;
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

// Forms that our Interpolate does not have (tf_crop_and_resize, half_pixel_symmetric, exclude_outside) become products
// with constant matrices, one per resized axis.

constexpr std::int64_t kMaxMatrix = 1 << 22;  // elements of a matrix that is written out at import

/// How one axis is resized.
struct AxisResize {
  std::int64_t input = 1;
  std::int64_t output = 1;
  double scale = 1;
  double roi_start = 0;  ///< tf_crop_and_resize: the part of the input, in [0, 1].
  double roi_end = 1;
};

double input_coordinate(const std::string& mode, const AxisResize& axis, double x) {
  const auto in = static_cast<double>(axis.input);
  const auto out = static_cast<double>(axis.output);
  if (mode == "tf_crop_and_resize") {
    const double start = axis.roi_start * (in - 1);
    const double end = axis.roi_end * (in - 1);
    return axis.output > 1 ? start + x * (end - start) / (out - 1) : (start + end) / 2;
  }
  if (mode == "align_corners") {
    return axis.output > 1 ? x * (in - 1) / (out - 1) : 0;
  }
  if (mode == "asymmetric") {
    return x / axis.scale;
  }
  if (mode == "pytorch_half_pixel" && axis.output == 1) {
    return 0;
  }
  const double half_pixel = (x + 0.5) / axis.scale - 0.5;
  // Where the output's extent was rounded, the middle stays the middle.
  return mode == "half_pixel_symmetric" ? in / 2 * (1 - out / (axis.scale * in)) + half_pixel : half_pixel;
}

double round_coordinate(const std::string& mode, double x) {
  if (mode == "floor") {
    return std::floor(x);
  }
  if (mode == "ceil") {
    return std::ceil(x);
  }
  return mode == "round_prefer_ceil" ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

/// Weights of the input elements around x, as pairs of index and weight; indices may lie outside.
std::vector<std::pair<double, double>> weights_around(const NodeContext& node, const std::string& mode, double x) {
  if (mode == "nearest") {
    return {{round_coordinate(node.text("nearest_mode", "round_prefer_floor"), x), 1.0}};
  }
  const double low = std::floor(x);
  if (mode == "linear") {
    return {{low, 1 - (x - low)}, {low + 1, x - low}};
  }
  const double a = node.real("cubic_coeff_a", -0.75);
  std::vector<std::pair<double, double>> weights;
  for (int i = -1; i <= 2; ++i) {
    const double d = std::abs(x - (low + i));
    const double near = ((a + 2) * d - (a + 3)) * d * d + 1;
    const double far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    weights.emplace_back(low + i, d <= 1 ? near : far);
  }
  return weights;
}

/// Row i holds what output element i takes of each input element. `inside` tells which coordinates lie in the input.
Tensor resize_matrix(const NodeContext& node, const AxisResize& axis, std::vector<bool>& inside) {
  const std::string mode = node.text("mode", "nearest");
  const std::string coordinates = node.text("coordinate_transformation_mode", "half_pixel");
  const bool exclude = node.flag("exclude_outside", false);
  const auto last = static_cast<double>(axis.input - 1);
  std::vector<double> matrix(static_cast<std::size_t>(axis.input * axis.output), 0.0);
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = input_coordinate(coordinates, axis, static_cast<double>(i));
    inside.push_back(x >= 0 && x <= last);
    double* row = matrix.data() + i * axis.input;
    double sum = 0;
    for (const auto& [index, weight] : weights_around(node, mode, x)) {
      if (!exclude || (index >= 0 && index <= last)) {
        row[static_cast<std::size_t>(std::clamp(index, 0.0, last))] += weight;
        sum += weight;
      }
    }
    for (std::int64_t k = 0; exclude && sum != 0 && k < axis.input; ++k) {
      row[k] /= sum;
    }
  }
  return Tensor::of<double>({axis.output, axis.input}, matrix);
}

/// x with `matrix` [output, input] applied along one axis.
ValueId apply_matrix(NodeContext& node, ValueId x, const Tensor& matrix, std::int64_t axis) {
  const std::size_t rank = node.rank(x);
  const ValueId constant = node.constant(matrix.cast(node.data_type(x)));
  std::vector<std::int64_t> order = NodeContext::all_axes(rank);
  std::swap(order[static_cast<std::size_t>(axis)], order.back());
  const ValueId product = node.add("MatMul", {node.transpose(x, order), constant}, {{"transpose_b", true}});
  return node.transpose(product, order);
}

ValueId resize_by_matrices(NodeContext& node, const Target& target) {
  ValueId x = node.input(0);
  const Shape shape = node.shape(x);
  const DataType type = node.data_type(x);
  const bool crop = node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
  const std::vector<double> roi = crop ? node.constant_reals(1, "roi") : std::vector<double>();
  const std::size_t given = target.scales.empty() ? target.sizes.size() : target.scales.size();
  constexpr double kMaxRegion = 1e6;  // a region far outside shows nothing but the extrapolation value
  const bool sane = std::ranges::all_of(roi, [](double limit) { return std::abs(limit) <= kMaxRegion; });
  if (given != shape.size() || !sane) {
    node.invalid(fmt::format("has {} sizes or scales, expected {}, and region limits within {}", given, shape.size(),
                             kMaxRegion));
  }
  if (!is_static(shape) || !is_float(type) || (crop && roi.size() != 2 * shape.size())) {
    node.unsupported(fmt::format("resizes {} by {} region limits; expected floats of known extents and {} limits",
                                 to_string(shape), roi.size(), 2 * shape.size()));
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    AxisResize axis{.input = shape[i]};
    const double scaled = target.scales.empty() ? static_cast<double>(target.sizes.at(i))
                                                : std::floor(static_cast<double>(shape[i]) * target.scales.at(i));
    if (!(scaled >= 1) || !(scaled <= kMaxMatrix) || axis.input < 1 || axis.input > kMaxMatrix ||
        scaled * static_cast<double>(axis.input) > kMaxMatrix) {
      node.unsupported(fmt::format("resizes an axis of {} to {}", axis.input, scaled));
    }
    axis.output = static_cast<std::int64_t>(scaled);
    axis.scale = target.scales.empty() ? scaled / static_cast<double>(axis.input) : target.scales.at(i);
    axis.roi_start = crop ? roi[i] : 0;
    axis.roi_end = crop ? roi[i + shape.size()] : 1;
    if (axis.input == axis.output && axis.roi_start == 0 && axis.roi_end == 1) {
      continue;
    }
    std::vector<bool> inside;
    x = apply_matrix(node, x, resize_matrix(node, axis, inside), static_cast<std::int64_t>(i));
    if (crop && std::ranges::find(inside, false) != inside.end()) {
      Tensor mask(DataType::kBool, {axis.output});
      std::ranges::copy(inside, mask.data<bool>().begin());
      Shape along(shape.size(), 1);
      along[i] = axis.output;
      x = node.add("Select",
                   {node.constant(mask.reshaped(along)), x, node.scalar(type, node.real("extrapolation_value", 0))});
    }
  }
  return x;
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
  if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    node.unsupported("has a keep_aspect_ratio_policy other than stretch");
  }
  if (node.has_input(3)) {
    target.sizes = node.constant_integers(3, "sizes");
  }
  if (target.sizes.empty()) {
    target.scales = node.constant_reals(2, "scales");
  }
  if (node.has_attribute("axes")) {
    spread_over_axes(node, target);
  }
  if (coordinates == "tf_crop_and_resize" || coordinates == "half_pixel_symmetric" ||
      (mode == "cubic" && node.flag("exclude_outside", false))) {
    return {resize_by_matrices(node, target)};
  }
  return {interpolate(node, target,
                      {{"mode", mode == "linear" ? "linear_onnx" : mode},
                       {"coordinate_transformation_mode", coordinates},
                       {"nearest_mode", node.text("nearest_mode", "round_prefer_floor")},
                       {"cube_coeff", node.real("cubic_coeff_a", -0.75)},
                       {"antialias", node.flag("antialias", false)}})};
}

}  // namespace fovea::onnx
