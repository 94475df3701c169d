// Factors of f32 that stand for the fixed-point ones of TensorFlow Lite's kernels for unsigned bytes.
#pragma once

#include <cstdint>

namespace fovea::tflite {

/// A whole number times `factor` plus `shift`, rounded to the nearest, is a number of steps.
struct Scaling {
  float factor = 1;
  float shift = 0;
};

/// The original scales by q·2^−s, a number of 31 bits with ½ ≤ q < 1, and rounds twice, halves up: to 2^−s of a step,
/// then to a step. That is rounding once, of what lies 2^−(s+1) higher. f32 has 24 bits: of the numbers nearby, those
/// are taken with which as few as possible of the sums where a step begins come to lie on the wrong side, in f32 and in
/// double precision.
/// \param factor       Above 0.
/// \param least, most  The steps that are possible, least < most.
Scaling fixed_point_scaling(double factor, std::int64_t least, std::int64_t most);

}  // namespace fovea::tflite
