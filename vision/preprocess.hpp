// One pass from a frame's region to a network's input tensor: crop, resize, colour, mean/scale, layout.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "engine/graph/tensor.hpp"
#include "vision/frame_view.hpp"
#include "vision/geometry.hpp"

namespace fovea {

enum class ResizeMode : std::uint8_t {
  kStretch,           ///< Region fills the input; aspect ratio is not kept.
  kLetterbox,         ///< Aspect ratio kept, centred, borders filled with pad_value.
  kLetterboxTopLeft,  ///< Aspect ratio kept, picture in the top left corner, borders filled.
  kCentralCrop,       ///< Aspect ratio kept, the region's middle fills the input.
};

enum class ChannelOrder : std::uint8_t { kBgr, kRgb, kGray };

enum class TensorLayout : std::uint8_t { kNchw, kNhwc };

/// How to feed a network. Values are (pixel − mean[c]) · (1/scale[c]) with pixel in 0..255; mean and scale are in the
/// tensor's channel order.
struct PreProcessSpec {
  int width_px = 0;  ///< Network input, from the model.
  int height_px = 0;
  DataType data_type = DataType::kF32;  ///< kF32 or kU8. For kU8 values are rounded and saturated.
  TensorLayout layout = TensorLayout::kNchw;
  ChannelOrder channels = ChannelOrder::kBgr;
  ResizeMode resize = ResizeMode::kStretch;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> scale{1, 1, 1};
  float pad_value = 0;  ///< Border pixel in 0..255, before mean and scale. YOLO exports use 114.
  bool operator==(const PreProcessSpec&) const = default;
};

/// Bilinear with half-pixel centres (OpenCV's INTER_LINEAR; no antialiasing when shrinking, as there). Samples beyond
/// the region are used where the frame has them; beyond the frame its edge is repeated. YUV planes are interpolated
/// each on its own grid and converted after that; a chroma sample is taken to lie in the middle of its 2×2 luma pixels
/// (MPEG-2 places it half a luma pixel further left, which is ignored). Gray from YUV is luma stretched to 0..255, from
/// RGB 0.299 R + 0.587 G + 0.114 B. Pixels are clamped to 0..255 before mean and scale. Keeps row and column tables
/// between frames of equal geometry, so it allocates only when the geometry changes. Thread-compatible: one per
/// request.
class PreProcess {
 public:
  explicit PreProcess(const PreProcessSpec& spec);
  ~PreProcess();
  PreProcess(PreProcess&&) noexcept;
  PreProcess& operator=(PreProcess&&) noexcept;

  [[nodiscard]] const PreProcessSpec& spec() const;

  /// \param region  Part of the frame to show the network; clipped to the frame. {0,0,1,1} is the whole frame.
  /// \param output  [1,C,H,W] or [1,H,W,C] as the spec says; one picture of a batch.
  /// \return Where the network's input lies in the frame.
  /// \throws Error{kInvalidArgument} when the frame is malformed (no planes, size 0), the region is empty or the
  ///         output does not fit the spec.
  Mapping run(const FrameView& frame, const Box& region, const TensorView& output);

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

/// The same result computed the obvious way, sample by sample in double: the oracle of tests.
Mapping preprocess_reference(const PreProcessSpec& spec, const FrameView& frame, const Box& region,
                             const TensorView& output);

}  // namespace fovea
