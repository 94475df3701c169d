// JPEG through libjpeg-turbo, and the one entry of EXIF that says how the camera was held.
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "engine/base/error.hpp"
#include "vision/picture_codecs.hpp"

namespace fovea {
namespace {

constexpr std::size_t kSegmentHead = 4;  // marker and length

struct CloseTurbo {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Turbo = std::unique_ptr<void, CloseTurbo>;

/// Numbers of a TIFF structure, in its byte order; 0 beyond the end.
class TiffReader {
 public:
  TiffReader(PictureBytes bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = at + (big_endian_ ? i : count - 1 - i);
      value = value << 8U | (place < bytes_.size() ? bytes_[place] : 0U);
    }
    return value;
  }

 private:
  PictureBytes bytes_;
  bool big_endian_;
};

/// Tag 0x0112 of the first directory, 1…8; 1 (upright) when there is none.
int orientation_of_tiff(PictureBytes tiff) {
  constexpr std::uint32_t kOrientation = 0x0112;
  constexpr std::size_t kEntryBytes = 12;
  constexpr std::size_t kValueOffset = 8;
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) {
    return 1;
  }
  const TiffReader reader(tiff, tiff[0] == 'M');
  const std::size_t directory = reader.number(4, 4);
  const std::uint32_t entries = reader.number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > tiff.size()) {
      break;
    }
    if (reader.number(entry, 2) == kOrientation) {
      const auto value = static_cast<int>(reader.number(entry + kValueOffset, 2));
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

/// Of the EXIF segment, before the picture's data. ITU-T T.81 annex B; CIPA DC-008.
int orientation_of_jpeg(PictureBytes bytes) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::uint8_t kApp1 = 0xE1;
  constexpr std::uint8_t kStartOfScan = 0xDA;
  std::size_t at = 2;
  while (at + kSegmentHead <= bytes.size() && bytes[at] == 0xFF && bytes[at + 1] != kStartOfScan) {
    const std::size_t length = static_cast<std::size_t>(bytes[at + 2]) << 8U | bytes[at + 3];
    const std::size_t end = std::min(at + 2 + length, bytes.size());
    if (bytes[at + 1] == kApp1 && end >= at + kSegmentHead + kExif.size() &&
        std::equal(kExif.begin(), kExif.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at + kSegmentHead))) {
      const std::size_t begin = at + kSegmentHead + kExif.size();
      return orientation_of_tiff(bytes.subspan(begin, end - begin));
    }
    at += bytes[at + 1] == 0xFF ? 1 : 2 + length;
  }
  return 1;
}

/// The picture as it is to be seen.
Image turn(Image image, int orientation) {
  if (orientation == 1) {
    return image;
  }
  const bool swapped = orientation >= 5;
  const bool mirrored_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirrored_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image turned{.width_px = swapped ? image.height_px : image.width_px,
               .height_px = swapped ? image.width_px : image.height_px,
               .bgr = std::vector<std::uint8_t>(image.bgr.size())};
  std::uint8_t* target = turned.bgr.data();
  for (int y = 0; y < turned.height_px; ++y) {
    for (int x = 0; x < turned.width_px; ++x, target += 3) {
      // For swapped axes the mirroring is that of the picture as it is seen.
      const int seen_x = mirrored_x ? turned.width_px - 1 - x : x;
      const int seen_y = mirrored_y ? turned.height_px - 1 - y : y;
      const int column = swapped ? seen_y : seen_x;
      const int row = swapped ? seen_x : seen_y;
      const auto source = (static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width_px) +
                           static_cast<std::size_t>(column)) *
                          3;
      std::copy_n(image.bgr.data() + source, 3, target);
    }
  }
  return turned;
}

/// Printers' colours, stored inverted as all known programs do.
std::vector<std::uint8_t> bgr_of_cmyk(const std::vector<std::uint8_t>& cmyk) {
  std::vector<std::uint8_t> bgr(cmyk.size() / 4 * 3);
  for (std::size_t pixel = 0; pixel < cmyk.size() / 4; ++pixel) {
    const int black = cmyk[pixel * 4 + 3];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const int ink = cmyk[pixel * 4 + 2 - channel];
      bgr[pixel * 3 + channel] = static_cast<std::uint8_t>(black - ((255 - ink) * black >> 8));
    }
  }
  return bgr;
}

/// What libjpeg-turbo goes on after (it counts stray bytes as a warning), but for a picture that ends too early.
bool is_harmless(tjhandle turbo) {
  const std::string_view message = tjGetErrorStr2(turbo);
  return tjGetErrorCode(turbo) == TJERR_WARNING && message.find("Premature end") == std::string_view::npos;
}

}  // namespace

bool is_jpeg(PictureBytes bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

Image decode_jpeg(PictureBytes bytes) {
  const Turbo turbo(tjInitDecompress());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(turbo.get(), bytes.data(), bytes.size(), &width, &height, &sampling, &colours) != 0 &&
      !is_harmless(turbo.get())) {
    fail(ErrorCode::kInvalidArgument, "damaged picture: {}", tjGetErrorStr2(turbo.get()));
  }
  check_picture_size(width, height);
  const bool cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
  Image image{.width_px = width, .height_px = height, .bgr = {}};
  image.bgr.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * (cmyk ? 4 : 3));
  // A few bytes may announce any number of passes over the whole picture.
  if (tjDecompress2(turbo.get(), bytes.data(), bytes.size(), image.bgr.data(), width, 0, height,
                    cmyk ? TJPF_CMYK : TJPF_BGR, TJFLAG_LIMITSCANS) != 0 &&
      !is_harmless(turbo.get())) {
    fail(ErrorCode::kInvalidArgument, "damaged picture: {}", tjGetErrorStr2(turbo.get()));
  }
  if (cmyk) {
    image.bgr = bgr_of_cmyk(image.bgr);
  }
  return turn(std::move(image), orientation_of_jpeg(bytes));
}

std::vector<std::uint8_t> compress_jpeg(const Image& image, int quality) {
  const Turbo turbo(tjInitCompress());
  unsigned long size = tjBufSize(image.width_px, image.height_px, TJSAMP_420);
  std::vector<std::uint8_t> bytes(size);
  unsigned char* target = bytes.data();
  if (tjCompress2(turbo.get(), image.bgr.data(), image.width_px, 0, image.height_px, TJPF_BGR, &target, &size,
                  TJSAMP_420, std::clamp(quality, 1, 100), TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) != 0) {
    fail(ErrorCode::kInternal, "JPEG encoder refused a picture of {}x{}: {}", image.width_px, image.height_px,
         tjGetErrorStr2(turbo.get()));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace fovea
