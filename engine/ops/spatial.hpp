// Sliding windows: attributes and geometry that convolutions and poolings share. Spatial axes are those after [N,C].
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/ops/attributes.hpp"

namespace fovea::ops {

enum class AutoPad : std::uint8_t {
  kExplicit,
  kSameUpper,  ///< Output extent is ceil(input / stride); the odd pad goes to the end.
  kSameLower,  ///< The odd pad goes to the beginning.
  kValid,      ///< No padding.
};

enum class Rounding : std::uint8_t {
  kFloor,
  kCeil,       ///< The last window may reach beyond the padding.
  kCeilTorch,  ///< As kCeil, but no window starts beyond the input and its leading pad.
};

/// One spatial axis, everything resolved.
struct Window {
  std::int64_t input = 1;  ///< kDynamic only during shape inference, as is `output`.
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
  std::int64_t output = 1;
  bool operator==(const Window&) const = default;
};

/// Convolution and GroupConvolution. Lists have one value per spatial axis, or none for 1s (strides, dilations) or 0s.
struct ConvolutionAttributes {
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  AutoPad auto_pad = AutoPad::kExplicit;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("strides", strides);
    visit("dilations", dilations);
    visit("pads_begin", pads_begin);
    visit("pads_end", pads_end);
    visit("auto_pad", auto_pad);
  }
  bool operator==(const ConvolutionAttributes&) const = default;
};

/// ConvolutionBackpropData and GroupConvolutionBackpropData.
struct DeconvolutionAttributes : ConvolutionAttributes {
  std::vector<std::int64_t> output_padding;

  template <class Visitor>
  void describe(Visitor& visit) {
    ConvolutionAttributes::describe(visit);
    visit("output_padding", output_padding);
  }
  bool operator==(const DeconvolutionAttributes&) const = default;
};

/// MaxPool and AvgPool; each uses a part.
struct PoolAttributes : ConvolutionAttributes {
  std::vector<std::int64_t> kernel;
  Rounding rounding_type = Rounding::kFloor;
  bool exclude_pad = true;                       ///< AvgPool: pads do not count in the divisor.
  DataType index_element_type = DataType::kI64;  ///< MaxPool from opset 8 on: type of the second output.
  std::int64_t axis = 0;                         ///< MaxPool from opset 8 on: indices count from this axis on.
  int opset = 8;

  template <class Visitor>
  void describe(Visitor& visit) {
    ConvolutionAttributes::describe(visit);
    visit("kernel", kernel);
    visit("rounding_type", rounding_type);
    visit("exclude-pad/exclude_pad", exclude_pad);
    visit("index_element_type", index_element_type);
    visit("axis", axis);
  }
  bool operator==(const PoolAttributes&) const = default;
};

/// Geometry of each spatial axis.
/// \param input, kernel  Spatial extents only, of equal rank; input extents may be kDynamic.
/// \throws Error{kInvalidModel} for lists of wrong length, values out of range and kernels larger than the input.
std::vector<Window> convolution_windows(const ConvolutionAttributes& attributes, const Shape& input,
                                        const Shape& kernel);
std::vector<Window> pool_windows(const PoolAttributes& attributes, const Shape& input);

/// As above for a transposed convolution; `input` is the small side.
/// \param output_shape  Spatial extents asked for by the optional third input, or nullptr.
std::vector<Window> deconvolution_windows(const DeconvolutionAttributes& attributes, const Shape& input,
                                          const Shape& kernel, const std::vector<std::int64_t>* output_shape);

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::AutoPad> {
  static constexpr std::array kNames = {
      std::pair{"explicit", ops::AutoPad::kExplicit}, std::pair{"notset", ops::AutoPad::kExplicit},
      std::pair{"same_upper", ops::AutoPad::kSameUpper}, std::pair{"same_lower", ops::AutoPad::kSameLower},
      std::pair{"valid", ops::AutoPad::kValid}};
};
template <>
struct EnumNames<ops::Rounding> {
  static constexpr std::array kNames = {std::pair{"floor", ops::Rounding::kFloor},
                                        std::pair{"ceil", ops::Rounding::kCeil},
                                        std::pair{"ceil_torch", ops::Rounding::kCeilTorch}};
};
}  // namespace fovea
