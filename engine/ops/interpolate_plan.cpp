#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/interpolate.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// Pads may be shorter than the rank; missing ones are 0.
Shape full_pads(const std::vector<std::int64_t>& pads, std::size_t rank, std::string_view what) {
  Shape result(rank, 0);
  if (pads.size() > rank) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected at most {}", what, pads.size(), rank);
  }
  for (std::size_t i = 0; i < pads.size(); ++i) {
    check_range(pads[i], 0, kMaxAttribute, what);
    result[i] = pads[i];
  }
  return result;
}

/// Opset 1 in the terms of opset 4, as OpenVINO converts it.
void adopt_opset1(const InterpolateAttributes& attributes, std::size_t rank, const std::vector<std::size_t>& axes,
                  InterpolatePlan& plan) {
  plan.nearest = NearestMode::kSimple;
  plan.cube_coeff = -0.75;
  if (plan.mode == InterpolateMode::kLinear && rank < 5) {
    plan.mode = InterpolateMode::kLinearOnnx;
  }
  const bool linear = plan.mode == InterpolateMode::kLinear || plan.mode == InterpolateMode::kLinearOnnx;
  const auto zero = [](std::int64_t pad) { return pad == 0; };
  const bool padded = !std::ranges::all_of(plan.pads_begin, zero) || !std::ranges::all_of(plan.pads_end, zero);
  std::vector<std::size_t> sorted = axes;
  std::ranges::sort(sorted);
  const bool plane = rank == 4 && sorted == std::vector<std::size_t>{2, 3};
  if (attributes.align_corners) {
    plan.coordinates = CoordinateMode::kAlignCorners;
  } else if (linear && !padded && !plane) {
    plan.coordinates = CoordinateMode::kHalfPixel;
  } else {
    plan.coordinates = CoordinateMode::kAsymmetric;
  }
}

std::int64_t scaled_extent(std::int64_t input, double scale) {
  if (!(scale > 0) || !std::isfinite(scale)) {
    fail(ErrorCode::kInvalidModel, "a scale is {}, expected a positive number", scale);
  }
  // The margin keeps 1/3 of 3 from becoming 0: scales arrive as rounded f32.
  const double extent = std::floor(static_cast<double>(input) * (scale + 1e-6));
  if (extent > static_cast<double>(kMaxAttribute)) {
    fail(ErrorCode::kInvalidModel, "a scale of {} makes an extent of {}", scale, extent);
  }
  return static_cast<std::int64_t>(extent);
}

/// Output coordinate → input coordinate.
double input_coordinate(const InterpolatePlan& plan, const ResizedAxis& axis, std::int64_t output) {
  const auto x = static_cast<double>(output);
  const auto in = static_cast<double>(axis.input);
  const auto out = static_cast<double>(axis.output);
  // Multiplying first keeps whole coordinates whole, which dividing by a rounded scale would not.
  const auto unscale = [&](double value) { return axis.scale == out / in ? value * in / out : value / axis.scale; };
  switch (plan.coordinates) {
    case CoordinateMode::kHalfPixel:
      return unscale(x + 0.5) - 0.5;
    case CoordinateMode::kPytorchHalfPixel:
      return axis.output > 1 ? unscale(x + 0.5) - 0.5 : 0.0;
    case CoordinateMode::kAsymmetric:
      return unscale(x);
    case CoordinateMode::kTfHalfPixelForNn:
      return unscale(x + 0.5);
    case CoordinateMode::kAlignCorners:
      return axis.output == 1 ? 0.0 : x * (in - 1) / (out - 1);
  }
  return x;
}

double round_coordinate(NearestMode mode, double x, bool downsample) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::kFloor:
      return std::floor(x);
    case NearestMode::kCeil:
      return std::ceil(x);
    case NearestMode::kSimple:
      return downsample ? std::ceil(x) : std::floor(x);
  }
  return x;
}

std::int64_t clip_index(double index, std::int64_t extent) {
  return static_cast<std::int64_t>(std::clamp(index, 0.0, static_cast<double>(extent - 1)));
}

std::vector<Tap> linear_onnx_taps(double x, std::int64_t extent) {
  x = std::clamp(x, 0.0, static_cast<double>(extent - 1));
  const double low = std::floor(x);
  const double weight = x - low;
  return {{clip_index(low, extent), 1 - weight}, {clip_index(low + 1, extent), weight}};
}

/// A triangle filter, widened by 1/narrowing for antialiasing; elements outside the input do not count.
std::vector<Tap> linear_taps(double x, std::int64_t extent, double narrowing, double scale) {
  const double radius = scale > 1 ? 2.0 : std::ceil(2.0 / narrowing);
  const double centre = std::round(x);
  const double last = std::min(centre + radius, static_cast<double>(extent - 1));
  std::vector<Tap> taps;
  double sum = 0;
  for (double i = std::max(centre - radius, 0.0); i <= last; ++i) {
    const double weight = std::max(0.0, 1.0 - std::abs(narrowing * (x - i)));
    taps.push_back({static_cast<std::int64_t>(i), weight});
    sum += weight;
  }
  for (Tap& tap : taps) {
    tap.weight = sum == 0 ? 0 : tap.weight / sum;
  }
  return taps;
}

/// Cubic convolution, https://en.wikipedia.org/wiki/Bicubic_interpolation#Bicubic_convolution_algorithm
std::vector<Tap> cubic_taps(double x, std::int64_t extent, double a) {
  const double low = std::floor(x);
  std::vector<Tap> taps;
  for (int i = -1; i <= 2; ++i) {
    const double d = std::abs(x - (low + i));
    const double near = ((a + 2) * d - (a + 3)) * d * d + 1;
    const double far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    taps.push_back({clip_index(low + i, extent), d <= 1 ? near : far});
  }
  return taps;
}

}  // namespace

InterpolatePlan resolve_interpolate(const InterpolateAttributes& attributes, const Shape& data,
                                    const InterpolateInputs& inputs) {
  check_static(data, "data");
  const std::size_t rank = data.size();
  InterpolatePlan plan;
  plan.mode = attributes.mode;
  plan.coordinates = attributes.coordinate_transformation_mode;
  plan.nearest = attributes.nearest_mode;
  plan.antialias = attributes.antialias;
  plan.cube_coeff = attributes.cube_coeff;
  plan.pads_begin = full_pads(attributes.pads_begin, rank, "pads_begin");
  plan.pads_end = full_pads(attributes.pads_end, rank, "pads_end");
  for (std::size_t i = 0; i < rank; ++i) {
    plan.padded.push_back(add_extents(data[i], plan.pads_begin[i] + plan.pads_end[i]));
  }
  plan.output = plan.padded;

  std::vector<std::int64_t> named(rank);
  std::iota(named.begin(), named.end(), 0);
  if (attributes.opset < 4) {
    named = attributes.axes;
  } else if (inputs.axes) {
    named = *inputs.axes;
  }
  const std::vector<std::size_t> axes = normalize_axes(named, rank);
  if (attributes.opset < 4) {
    adopt_opset1(attributes, rank, axes, plan);
  }
  const std::size_t count = inputs.sizes ? inputs.sizes->size() : inputs.scales->size();
  if (count != axes.size()) {
    fail(ErrorCode::kInvalidModel, "sizes or scales have {} values, expected {}, one per axis", count, axes.size());
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizedAxis axis{.axis = axes[i], .input = plan.padded[axes[i]]};
    axis.output = inputs.sizes ? (*inputs.sizes)[i] : scaled_extent(axis.input, (*inputs.scales)[i]);
    check_range(axis.input, 1, kMaxAttribute, "an input extent");
    check_range(axis.output, 1, kMaxAttribute, "an output extent");
    axis.scale =
        inputs.sizes ? static_cast<double>(axis.output) / static_cast<double>(axis.input) : (*inputs.scales)[i];
    plan.output[axis.axis] = axis.output;
    plan.axes.push_back(axis);
  }
  return plan;
}

std::vector<std::vector<Tap>> interpolation_taps(const InterpolatePlan& plan, const ResizedAxis& axis) {
  const bool shrinks = std::ranges::any_of(plan.axes, [](const ResizedAxis& other) { return other.scale < 1; });
  const double narrowing = plan.antialias && shrinks ? axis.scale : 1.0;
  std::vector<std::vector<Tap>> taps;
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = input_coordinate(plan, axis, i);
    switch (plan.mode) {
      case InterpolateMode::kNearest:
        taps.push_back({{clip_index(round_coordinate(plan.nearest, x, axis.scale < 1), axis.input), 1.0}});
        break;
      case InterpolateMode::kLinear:
        taps.push_back(linear_taps(x, axis.input, narrowing, axis.scale));
        break;
      case InterpolateMode::kLinearOnnx:
        taps.push_back(linear_onnx_taps(x, axis.input));
        break;
      case InterpolateMode::kCubic:
        taps.push_back(cubic_taps(x, axis.input, plan.cube_coeff));
        break;
    }
  }
  return taps;
}

}  // namespace fovea::ops
