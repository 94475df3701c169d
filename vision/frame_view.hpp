// A borrowed picture in one of the raw formats cameras and decoders deliver.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fovea {

enum class PixelFormat : std::uint8_t { kNV12, kI420, kBGR, kRGB, kBGRx, kRGBx, kBGRA, kRGBA, kGray8 };

/// GStreamer's names: "NV12", "I420", "BGR", "RGB", "BGRx", "RGBx", "BGRA", "RGBA", "GRAY8".
std::string_view to_string(PixelFormat format);
std::optional<PixelFormat> parse_pixel_format(std::string_view name);

/// Conversion matrix between YUV and RGB (ITU-R).
enum class ColorMatrix : std::uint8_t { kBt601, kBt709, kBt2020 };

/// kLimited: Y in 16..235, chroma in 16..240. kFull: 0..255.
enum class ColorRange : std::uint8_t { kLimited, kFull };

/// One plane: `data` points at its top left sample, rows are `stride_bytes` apart (≥ the row's bytes).
struct Plane {
  const std::uint8_t* data = nullptr;
  std::ptrdiff_t stride_bytes = 0;
};

/// Borrowed for as long as the mapped buffer lives. NV12: planes Y, UV. I420: Y, U, V. Others: one plane.
/// Chroma planes have (width+1)/2 × (height+1)/2 samples.
struct FrameView {
  PixelFormat format = PixelFormat::kBGR;
  int width_px = 0;
  int height_px = 0;
  std::array<Plane, 3> planes{};
  ColorMatrix matrix = ColorMatrix::kBt601;  ///< Ignored for RGB formats and GRAY8.
  ColorRange range = ColorRange::kLimited;   ///< Ignored for RGB formats and GRAY8.
};

}  // namespace fovea
