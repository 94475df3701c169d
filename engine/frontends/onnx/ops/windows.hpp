// Window attributes that ONNX convolutions and poolings share, and parts of convolutions for their quantised forms.
#pragma once

#include <string>
#include <vector>

#include "engine/frontends/onnx/node_context.hpp"

namespace fovea::onnx {

/// One value per spatial axis in each list.
struct WindowAttributes {
  Shape kernel;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  std::string auto_pad;  ///< "explicit", "same_upper", "same_lower", "valid": as ours write it.
};

/// \param kernel  Spatial extents of the weights; empty when the attribute kernel_shape states them (poolings).
/// \throws Error{kInvalidModel} for lists of wrong length.
WindowAttributes read_windows(const NodeContext& node, const Shape& kernel = {});

/// Convolution of data and weights with the node's attributes, without bias.
ValueId add_convolution(NodeContext& node, ValueId data, ValueId weights);

/// data [N,C,…] plus bias [C].
ValueId add_channel_bias(NodeContext& node, ValueId data, ValueId bias);

}  // namespace fovea::onnx
