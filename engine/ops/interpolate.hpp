// The attributes of Interpolate and what they mean for each axis, for kernels and passes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class InterpolateMode : std::uint8_t { kNearest, kLinear, kLinearOnnx, kCubic };
enum class ShapeCalculation : std::uint8_t { kSizes, kScales };
enum class CoordinateMode : std::uint8_t {
  kHalfPixel,
  kPytorchHalfPixel,
  kAsymmetric,
  kTfHalfPixelForNn,
  kAlignCorners
};
enum class NearestMode : std::uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil, kSimple };

/// As written in the model; resolve_interpolate() turns opset 1 into the terms of opset 4.
struct InterpolateAttributes {
  InterpolateMode mode = InterpolateMode::kNearest;
  ShapeCalculation shape_calculation_mode = ShapeCalculation::kSizes;
  CoordinateMode coordinate_transformation_mode = CoordinateMode::kHalfPixel;
  NearestMode nearest_mode = NearestMode::kRoundPreferFloor;
  bool antialias = false;
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  double cube_coeff = -0.75;
  std::vector<std::int64_t> axes;  ///< Opset 1 only; later an input.
  bool align_corners = true;       ///< Opset 1 only.
  int opset = 4;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("mode", mode);
    visit("shape_calculation_mode", shape_calculation_mode);
    visit("coordinate_transformation_mode", coordinate_transformation_mode);
    visit("nearest_mode", nearest_mode);
    visit("antialias", antialias);
    visit("pads_begin", pads_begin);
    visit("pads_end", pads_end);
    visit("cube_coeff", cube_coeff);
    visit("axes", axes);
    visit("align_corners", align_corners);
  }
  bool operator==(const InterpolateAttributes&) const = default;
};

/// One resized axis.
struct ResizedAxis {
  std::size_t axis = 0;
  std::int64_t input = 1;  ///< Extent after padding.
  std::int64_t output = 1;
  double scale = 1;  ///< Output over input, as the coordinate formulas use it.
  bool operator==(const ResizedAxis&) const = default;
};

/// Everything that is needed to run the operator.
struct InterpolatePlan {
  InterpolateMode mode = InterpolateMode::kNearest;
  CoordinateMode coordinates = CoordinateMode::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  bool antialias = false;
  double cube_coeff = -0.75;
  Shape pads_begin;  ///< One per axis of the data; zeros are put there.
  Shape pads_end;
  Shape padded;  ///< The data's shape with pads.
  Shape output;
  std::vector<ResizedAxis> axes;
};

/// Inputs after the data: sizes and scales, or the one of them that there is, and the axes.
struct InterpolateInputs {
  std::optional<std::vector<std::int64_t>> sizes;
  std::optional<std::vector<double>> scales;
  std::optional<std::vector<std::int64_t>> axes;
};

/// \throws Error{kInvalidModel} for lists of wrong length and extents out of range; Error{kUnsupported} for dynamic
/// data.
InterpolatePlan resolve_interpolate(const InterpolateAttributes& attributes, const Shape& data,
                                    const InterpolateInputs& inputs);

/// Which input holds what; 0: none.
struct InterpolatePlaces {
  std::size_t sizes = 0;
  std::size_t scales = 0;
  std::size_t axes = 0;
};

InterpolatePlaces interpolate_places(const InterpolateAttributes& attributes);

/// One output coordinate as a weighted sum of input elements along one axis.
struct Tap {
  std::int64_t index = 0;
  double weight = 1;
};

/// The taps of every output coordinate of an axis; weights of a coordinate sum to 1 (to 0 where nothing is near).
std::vector<std::vector<Tap>> interpolation_taps(const InterpolatePlan& plan, const ResizedAxis& axis);

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::InterpolateMode> {
  static constexpr std::array kNames = {
      std::pair{"nearest", ops::InterpolateMode::kNearest}, std::pair{"linear", ops::InterpolateMode::kLinear},
      std::pair{"linear_onnx", ops::InterpolateMode::kLinearOnnx}, std::pair{"cubic", ops::InterpolateMode::kCubic}};
};
template <>
struct EnumNames<ops::ShapeCalculation> {
  static constexpr std::array kNames = {std::pair{"sizes", ops::ShapeCalculation::kSizes},
                                        std::pair{"scales", ops::ShapeCalculation::kScales}};
};
template <>
struct EnumNames<ops::CoordinateMode> {
  static constexpr std::array kNames = {std::pair{"half_pixel", ops::CoordinateMode::kHalfPixel},
                                        std::pair{"pytorch_half_pixel", ops::CoordinateMode::kPytorchHalfPixel},
                                        std::pair{"asymmetric", ops::CoordinateMode::kAsymmetric},
                                        std::pair{"tf_half_pixel_for_nn", ops::CoordinateMode::kTfHalfPixelForNn},
                                        std::pair{"align_corners", ops::CoordinateMode::kAlignCorners}};
};
template <>
struct EnumNames<ops::NearestMode> {
  static constexpr std::array kNames = {
      std::pair{"round_prefer_floor", ops::NearestMode::kRoundPreferFloor},
      std::pair{"round_prefer_ceil", ops::NearestMode::kRoundPreferCeil}, std::pair{"floor", ops::NearestMode::kFloor},
      std::pair{"ceil", ops::NearestMode::kCeil}, std::pair{"simple", ops::NearestMode::kSimple}};
};
}  // namespace fovea
