// Pictures with colour at half resolution as RGB or BGR: what the NV12 and I420 operators share.
#pragma once

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class YuvLayout : std::uint8_t {
  kNv12,  ///< Y [N,H,W,1], then UV [N,H/2,W/2,2]; or one plane [N,H*3/2,W,1].
  kI420,  ///< Y, then U and V [N,H/2,W/2,1]; or one plane.
};

/// Output [N,H,W,3] of the inputs' element type. \throws Error{kInvalidModel}.
std::vector<TensorType> infer_yuv(YuvLayout layout, std::span<const InputInfo> inputs);

/// With y = 1.164 (Y-16): R = y + 1.596 (V-128), G = y - 0.813 (V-128) - 0.391 (U-128), B = y + 2.018 (U-128), each
/// limited to 0…255.
void convert_yuv(YuvLayout layout, bool bgr, std::span<const ConstTensorView> inputs, const TensorView& output);

/// The same as functions an OpDef can point to.
template <YuvLayout kLayout>
std::vector<TensorType> infer_yuv(const Node& /*node*/, std::span<const InputInfo> inputs) {
  return infer_yuv(kLayout, inputs);
}
template <YuvLayout kLayout, bool kBgr>
void convert_yuv(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  convert_yuv(kLayout, kBgr, inputs, outputs[0]);
}

}  // namespace fovea::ops
