// Picture files through OpenCV's codecs; the size is read from the header before anything is unpacked.
#include "vision/image_file.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"
#include "vision/preprocess.hpp"

namespace fovea {
namespace {

struct Size {
  std::int64_t width;
  std::int64_t height;
};

using Bytes = std::span<const std::uint8_t>;

std::int64_t big_endian(Bytes bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value << 8 | bytes[at + i];
  }
  return value;
}

std::int64_t little_endian_i32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<std::int32_t>(value);
}

/// Walks the segments to the frame header (SOF). ITU-T T.81, annex B.
std::optional<Size> jpeg_size(Bytes bytes) {
  std::size_t at = 2;
  while (at + 9 <= bytes.size() && bytes[at] == 0xFF) {
    const std::uint8_t marker = bytes[at + 1];
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      return Size{big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2)};
    }
    at += marker == 0xFF ? 1 : 2 + static_cast<std::size_t>(big_endian(bytes, at + 2, 2));
  }
  return std::nullopt;
}

/// Extents from the header of PNG, JPEG or BMP (BITMAPINFOHEADER).
std::optional<Size> size_of_picture(Bytes bytes) {
  constexpr std::array<std::uint8_t, 8> kPng = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (bytes.size() >= 24 && std::equal(kPng.begin(), kPng.end(), bytes.begin())) {
    return Size{big_endian(bytes, 16, 4), big_endian(bytes, 20, 4)};
  }
  if (bytes.size() >= 26 && bytes[0] == 'B' && bytes[1] == 'M') {
    return Size{little_endian_i32(bytes, 18), std::abs(little_endian_i32(bytes, 22))};
  }
  if (bytes.size() >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8) {
    return jpeg_size(bytes);
  }
  return std::nullopt;
}

/// Borrowed, for OpenCV's functions that only read.
cv::Mat mat_of(const Image& image) {
  if (image.width_px < 1 || image.height_px < 1 ||
      image.bgr.size() != static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px) * 3) {
    fail(ErrorCode::kInvalidArgument, "image is {}x{} with {} bytes, expected 3 for each pixel", image.width_px,
         image.height_px, image.bgr.size());
  }
  return {image.height_px, image.width_px, CV_8UC3, const_cast<std::uint8_t*>(image.bgr.data())};
}

}  // namespace

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
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(file->bytes().data()), file->bytes().size());
  if (bytes.size() > kMaxImageFileBytes) {
    fail(ErrorCode::kInvalidArgument, "{}: {} bytes, expected at most {}", path.string(), bytes.size(),
         kMaxImageFileBytes);
  }
  const std::optional<Size> size = size_of_picture(bytes);
  if (!size) {
    fail(ErrorCode::kUnsupported, "{}: neither PNG, JPEG nor BMP", path.string());
  }
  if (size->width < 1 || size->height < 1 || size->width > kMaxFrameSidePx || size->height > kMaxFrameSidePx ||
      size->width * size->height > kMaxImagePixels) {
    fail(ErrorCode::kInvalidArgument, "{}: picture of {}x{}, expected at most {} pixels and {} on a side",
         path.string(), size->width, size->height, kMaxImagePixels, kMaxFrameSidePx);
  }
  cv::Mat decoded;
  try {
    const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<std::uint8_t*>(bytes.data()));
    decoded = cv::imdecode(encoded, cv::IMREAD_COLOR);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::kInvalidArgument, "{}: {}", path.string(), error.what());
  }
  if (decoded.empty()) {
    fail(ErrorCode::kInvalidArgument, "{}: damaged picture", path.string());
  }
  Image image{.width_px = decoded.cols, .height_px = decoded.rows, .bgr = {}};
  image.bgr.reserve(decoded.total() * 3);
  for (int y = 0; y < decoded.rows; ++y) {
    image.bgr.insert(image.bgr.end(), decoded.ptr(y), decoded.ptr(y) + std::ptrdiff_t{3} * decoded.cols);
  }
  return image;
}

void write_image(const std::filesystem::path& path, const Image& image) {
  const std::string ending = to_lower(path.extension().string());
  if (ending != ".png" && ending != ".jpg" && ending != ".jpeg" && ending != ".bmp") {
    fail(ErrorCode::kInvalidArgument, "{}: file name ends in '{}', expected .png, .jpg, .jpeg or .bmp", path.string(),
         ending);
  }
  try {
    if (cv::imwrite(path.string(), mat_of(image))) {
      return;
    }
  } catch (const cv::Exception& error) {
    fail(ErrorCode::kInvalidArgument, "{}: {}", path.string(), error.what());
  }
  fail(ErrorCode::kInvalidArgument, "{}: cannot be written", path.string());
}

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  std::vector<std::uint8_t> bytes;
  if (!cv::imencode(".jpg", mat_of(image), bytes, {cv::IMWRITE_JPEG_QUALITY, std::clamp(quality, 1, 100)})) {
    fail(ErrorCode::kInternal, "JPEG encoder refused a picture of {}x{}", image.width_px, image.height_px);
  }
  return bytes;
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
