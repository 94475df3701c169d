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

/// As Plane, writable.
struct MutablePlane {
  std::uint8_t* data = nullptr;
  std::ptrdiff_t stride_bytes = 0;
};

/// As FrameView, writable: what the overlay draws on.
struct MutableFrameView {
  PixelFormat format = PixelFormat::kBGR;
  int width_px = 0;
  int height_px = 0;
  std::array<MutablePlane, 3> planes{};
  ColorMatrix matrix = ColorMatrix::kBt601;
  ColorRange range = ColorRange::kLimited;

  operator FrameView() const;  // NOLINT(google-explicit-constructor): reading is always fine
};

/// Largest width and height a frame may have; OpenCV's and most decoders' limit, and it keeps offsets in 32 bits.
inline constexpr int kMaxFrameSidePx = 32768;

/// Planes the format uses: 3 for I420, 2 for NV12, else 1.
int plane_count(PixelFormat format);

/// True for NV12 and I420.
bool is_yuv(PixelFormat format);

/// Extents of one plane: `width` in samples of `sample_bytes` bytes (2 for NV12's UV plane, 3 or 4 for packed RGB).
struct PlaneExtent {
  int width = 0;
  int height = 0;
  int sample_bytes = 1;
};
PlaneExtent plane_extent(PixelFormat format, int plane, int width_px, int height_px);

/// \throws Error{kInvalidArgument} naming what is wrong: size outside 1…kMaxFrameSidePx, a missing plane, a stride
///         smaller than a row.
void check_frame(const FrameView& frame);

/// What converts one pixel: rgb = clamp(matrix · (yuv − offset), 0, 255), rows R, G, B; columns Y, U, V.
struct YuvToRgb {
  std::array<std::array<double, 3>, 3> matrix{};
  std::array<double, 3> offset{};
};

/// From the luma weights of ITU-R BT.601, BT.709 and BT.2020 (non-constant luminance).
YuvToRgb yuv_to_rgb(ColorMatrix matrix, ColorRange range);

}  // namespace fovea
