// PNG through libpng.
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <string>

#include "engine/base/error.hpp"
#include "vision/frame_view.hpp"
#include "vision/picture_codecs.hpp"

namespace fovea {
namespace {

/// What libpng's callbacks see. It leaves by longjmp, which runs no destructors: functions that call setjmp hold none.
struct Session {
  PictureBytes input;
  std::vector<std::uint8_t>* output = nullptr;
  std::array<char, 120> message{};
};

void keep_message(png_structp png, png_const_charp text) {
  auto& message = static_cast<Session*>(png_get_error_ptr(png))->message;
  std::snprintf(message.data(), message.size(), "%s", text);
  png_longjmp(png, 1);
}

void ignore_warning(png_structp /*png*/, png_const_charp /*text*/) {}

void read_bytes(png_structp png, png_bytep target, png_size_t count) {
  auto& input = static_cast<Session*>(png_get_io_ptr(png))->input;
  if (count > input.size()) {
    png_error(png, "the file ends early");
  }
  std::copy_n(input.begin(), count, target);
  input = input.subspan(count);
}

void write_bytes(png_structp png, png_bytep source, png_size_t count) {
  auto& output = *static_cast<Session*>(png_get_io_ptr(png))->output;
  output.insert(output.end(), source, source + count);
}

void flush(png_structp /*png*/) {}

/// Owns libpng's structures of a reader or a writer.
class Handle {
 public:
  Handle(Session& session, bool reads) : reads_(reads) {
    png_ = (reads ? png_create_read_struct : png_create_write_struct)(PNG_LIBPNG_VER_STRING, &session, keep_message,
                                                                      ignore_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      destroy();
      fail(ErrorCode::kInternal, "libpng gives no memory");
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { destroy(); }

  [[nodiscard]] png_structp png() const { return png_; }
  [[nodiscard]] png_infop info() const { return info_; }

 private:
  void destroy() {
    if (reads_) {
      png_destroy_read_struct(&png_, &info_, nullptr);
    } else {
      png_destroy_write_struct(&png_, &info_);
    }
  }

  bool reads_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

/// Up to the picture's header. \return false: see the session's message.
bool read_header(png_structp png, png_infop info, Session& session) {
  if (setjmp(png_jmpbuf(png)) != 0) {  // NOLINT(cert-err52-cpp): libpng's way
    return false;
  }
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // sizes are checked by us, with a message of ours
  png_set_read_fn(png, &session, read_bytes);
  png_read_info(png, info);
  return true;
}

/// Everything after the header into rows of 3·width bytes.
bool read_rows(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) {  // NOLINT(cert-err52-cpp): libpng's way
    return false;
  }
  png_set_expand(png);  // palettes, and 1, 2 or 4 bits
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_bgr(png);
  (void)png_set_interlace_handling(png);
  png_read_update_info(png, info);
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

bool write_rows(png_structp png, png_infop info, Session& session, const Image& image, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) {  // NOLINT(cert-err52-cpp): libpng's way
    return false;
  }
  constexpr int kLevel = 3;  // of 9: snapshots are written while frames wait
  png_set_write_fn(png, &session, write_bytes, flush);
  png_set_compression_level(png, kLevel);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width_px), static_cast<png_uint_32>(image.height_px), 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_set_bgr(png);
  png_write_image(png, rows);
  png_write_end(png, info);
  return true;
}

std::int64_t big_endian(PictureBytes bytes) {
  std::int64_t value = 0;
  for (const std::uint8_t byte : bytes) {
    value = value << 8 | byte;
  }
  return value;
}

std::vector<png_bytep> rows_of(const Image& image) {
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.height_px; ++y) {
    rows.push_back(const_cast<png_bytep>(image.bgr.data()) +
                   static_cast<std::size_t>(y) * 3 * static_cast<std::size_t>(image.width_px));
  }
  return rows;
}

}  // namespace

bool is_png(PictureBytes bytes) {
  constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return bytes.size() >= kSignature.size() && std::equal(kSignature.begin(), kSignature.end(), bytes.begin());
}

Image decode_png(PictureBytes bytes) {
  constexpr std::size_t kExtents = 16;  // in the first chunk, which is the header
  if (bytes.size() >= kExtents + 8) {
    check_picture_size(big_endian(bytes.subspan(kExtents, 4)), big_endian(bytes.subspan(kExtents + 4, 4)));
  }
  Session session{.input = bytes};
  const Handle handle(session, true);
  if (!read_header(handle.png(), handle.info(), session)) {
    fail(ErrorCode::kInvalidArgument, "damaged picture: {}", session.message.data());
  }
  const std::int64_t width = png_get_image_width(handle.png(), handle.info());
  const std::int64_t height = png_get_image_height(handle.png(), handle.info());
  check_picture_size(width, height);
  Image image{.width_px = static_cast<int>(width), .height_px = static_cast<int>(height), .bgr = {}};
  image.bgr.resize(static_cast<std::size_t>(width * height) * 3);
  std::vector<png_bytep> rows = rows_of(image);
  if (!read_rows(handle.png(), handle.info(), rows.data())) {
    fail(ErrorCode::kInvalidArgument, "damaged picture: {}", session.message.data());
  }
  return image;
}

std::vector<std::uint8_t> encode_png(const Image& image) {
  std::vector<std::uint8_t> bytes;
  Session session{.input = {}, .output = &bytes};
  const Handle handle(session, false);
  std::vector<png_bytep> rows = rows_of(image);
  if (!write_rows(handle.png(), handle.info(), session, image, rows.data())) {
    fail(ErrorCode::kInternal, "PNG encoder refused a picture of {}x{}: {}", image.width_px, image.height_px,
         session.message.data());
  }
  return bytes;
}

}  // namespace fovea
