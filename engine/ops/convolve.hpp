// The reference loops of convolutions, forward and transposed, with groups, for one to three spatial axes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"

namespace fovea::ops {

struct ConvolutionGeometry {
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t inputs = 1;   ///< Channels of a group.
  std::int64_t outputs = 1;  ///< Channels of a group.
  std::vector<Window> windows;
};

/// output[N, G*outputs, …] of input[N, G*inputs, …] and weights [G, outputs, inputs, k…].
void convolve(const ConvolutionGeometry& geometry, const ConstTensorView& input, const ConstTensorView& weights,
              const TensorView& output);

/// output[N, G*outputs, …] of input[N, G*inputs, …] and weights [G, inputs, outputs, k…]; each input element adds its
/// kernel to the output.
void convolve_transposed(const ConvolutionGeometry& geometry, const ConstTensorView& input,
                         const ConstTensorView& weights, const TensorView& output);

/// Type of a convolution's output; `weights` and `data` as the operator's inputs, the channel rules as described above.
std::vector<TensorType> infer_convolution(const Node& node, std::span<const InputInfo> inputs, bool grouped);
std::vector<TensorType> infer_deconvolution(const Node& node, std::span<const InputInfo> inputs, bool grouped);
void reference_convolution(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output,
                           bool grouped);
void reference_deconvolution(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output,
                             bool grouped);

}  // namespace fovea::ops
