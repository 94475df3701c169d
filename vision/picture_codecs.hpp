// PNG and JPEG to and from BGR pixels, in memory; image_file.hpp is what others use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vision/image_file.hpp"

namespace fovea {

using PictureBytes = std::span<const std::uint8_t>;

bool is_png(PictureBytes bytes);
bool is_jpeg(PictureBytes bytes);

/// Before memory is asked for. \throws Error{kInvalidArgument} for empty pictures and for those above kMaxImagePixels.
void check_picture_size(std::int64_t width_px, std::int64_t height_px);

/// Alpha is dropped, 16 bits are cut to 8, grey becomes colour; gamma and colour profiles are not applied.
/// \throws Error{kInvalidArgument} for damaged pictures and those too large.
Image decode_png(PictureBytes bytes);
std::vector<std::uint8_t> encode_png(const Image& image);

/// Turned as its EXIF data say.
/// \throws Error{kInvalidArgument} for damaged pictures and those too large.
Image decode_jpeg(PictureBytes bytes);
/// \param quality  1…100. Chroma in half the resolution.
std::vector<std::uint8_t> compress_jpeg(const Image& image, int quality);

}  // namespace fovea
