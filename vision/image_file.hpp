// Reading and writing picture files, for the command line, tests and snapshots.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "vision/frame_view.hpp"
#include "vision/geometry.hpp"

namespace fovea {

/// Files and pictures larger than this are refused: a small file can unpack to gigabytes.
inline constexpr std::size_t kMaxImageFileBytes = std::size_t{64} << 20U;
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 26U;

/// A BGR picture that owns its pixels, rows without gaps.
struct Image {
  int width_px = 0;
  int height_px = 0;
  std::vector<std::uint8_t> bgr;  ///< 3·width·height.

  /// Valid while the image lives and is not resized.
  [[nodiscard]] FrameView view() const;
  [[nodiscard]] MutableFrameView mutable_view();
};

/// Reads PNG or JPEG (turned as its EXIF says).
/// \throws Error{kNotFound} when the file cannot be opened, Error{kUnsupported} for other formats,
/// Error{kInvalidArgument}
///         when it is damaged or too large.
Image read_image(const std::filesystem::path& path);

/// Writes in the format the file name's ending says: .png, .jpg or .jpeg.
/// \throws Error{kInvalidArgument} for other endings or when the file cannot be written.
void write_image(const std::filesystem::path& path, const Image& image);

/// \param quality  1…100.
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality = 85);

/// The frame's region as BGR, one pixel a frame pixel.
/// \throws Error{kInvalidArgument} as PreProcess::run.
Image to_bgr(const FrameView& frame, const Box& region = {0, 0, 1, 1});

}  // namespace fovea
