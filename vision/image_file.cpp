// Picture files: bounded before they are unpacked, told from their first bytes.
#include "vision/image_file.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "engine/base/error.hpp"
#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"
#include "vision/picture_codecs.hpp"
#include "vision/preprocess.hpp"

namespace fovea {
namespace {

void check_pixels(const Image& image) {
  check_picture_size(image.width_px, image.height_px);
  if (image.bgr.size() != static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px) * 3) {
    fail(ErrorCode::kInvalidArgument, "image is {}x{} with {} bytes, expected 3 for each pixel", image.width_px,
         image.height_px, image.bgr.size());
  }
}

}  // namespace

void check_picture_size(std::int64_t width_px, std::int64_t height_px) {
  if (width_px < 1 || height_px < 1 || width_px > kMaxFrameSidePx || height_px > kMaxFrameSidePx ||
      width_px * height_px > kMaxImagePixels) {
    fail(ErrorCode::kInvalidArgument, "picture of {}x{}, expected at most {} pixels and {} on a side", width_px,
         height_px, kMaxImagePixels, kMaxFrameSidePx);
  }
}

FrameView Image::view() const {
  return {.format = PixelFormat::kBGR,
          .width_px = width_px,
          .height_px = height_px,
          .planes = {Plane{bgr.data(), std::ptrdiff_t{3} * width_px}}};
}

MutableFrameView Image::mutable_view() {
  return {.format = PixelFormat::kBGR,
          .width_px = width_px,
          .height_px = height_px,
          .planes = {MutablePlane{bgr.data(), std::ptrdiff_t{3} * width_px}}};
}

Image read_image(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const PictureBytes bytes(reinterpret_cast<const std::uint8_t*>(file->bytes().data()), file->bytes().size());
  if (bytes.size() > kMaxImageFileBytes) {
    fail(ErrorCode::kInvalidArgument, "{}: {} bytes, expected at most {}", path.string(), bytes.size(),
         kMaxImageFileBytes);
  }
  if (!is_png(bytes) && !is_jpeg(bytes)) {
    fail(ErrorCode::kUnsupported, "{}: neither PNG nor JPEG", path.string());
  }
  try {
    return is_png(bytes) ? decode_png(bytes) : decode_jpeg(bytes);
  } catch (const Error& error) {
    throw error.with_context(path.string());
  }
}

void write_image(const std::filesystem::path& path, const Image& image) {
  const std::string ending = to_lower(path.extension().string());
  if (ending != ".png" && ending != ".jpg" && ending != ".jpeg") {
    fail(ErrorCode::kInvalidArgument, "{}: file name ends in '{}', expected .png, .jpg or .jpeg", path.string(),
         ending);
  }
  constexpr int kFileQuality = 95;
  check_pixels(image);
  const std::vector<std::uint8_t> bytes = ending == ".png" ? encode_png(image) : compress_jpeg(image, kFileQuality);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    fail(ErrorCode::kInvalidArgument, "{}: cannot be written", path.string());
  }
}

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  check_pixels(image);
  return compress_jpeg(image, quality);
}

Image to_bgr(const FrameView& frame, const Box& region) {
  check_frame(frame);
  const Box inside = clip(region);
  const auto pixels = [](float part, int whole) {
    return std::isfinite(part) ? std::max(static_cast<int>(std::lround(part * static_cast<float>(whole))), 1) : 1;
  };
  Image image{
      .width_px = pixels(inside.width, frame.width_px), .height_px = pixels(inside.height, frame.height_px), .bgr = {}};
  image.bgr.resize(static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px) * 3);
  PreProcess preprocess({.width_px = image.width_px,
                         .height_px = image.height_px,
                         .data_type = DataType::kU8,
                         .layout = TensorLayout::kNhwc});
  preprocess.run(
      frame, region,
      {{DataType::kU8, {1, image.height_px, image.width_px, 3}}, reinterpret_cast<std::byte*>(image.bgr.data())});
  return image;
}

}  // namespace fovea
