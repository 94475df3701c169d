// Picture files against OpenCV's codecs, and files that mean harm.
#include "vision/image_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <random>

#include "engine/base/error.hpp"
#include "vision/picture_codecs.hpp"

namespace fovea {
namespace {

/// Smooth with some noise, as photographs are.
cv::Mat picture(int type, int width = 37, int height = 22) {
  std::mt19937 random(11);
  cv::Mat mat(height, width, type);
  const int channels = mat.channels();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * channels; ++x) {
      const int value = (5 * x + 7 * y + static_cast<int>(random() % 20)) % 256;
      if (mat.depth() == CV_16U) {
        mat.ptr<std::uint16_t>(y)[x] = static_cast<std::uint16_t>(value * 257 - value % 100);
      } else {
        mat.ptr(y)[x] = static_cast<std::uint8_t>(value);
      }
    }
  }
  return mat;
}

std::vector<std::uint8_t> encoded(const std::string& ending, const cv::Mat& mat, const std::vector<int>& options = {}) {
  std::vector<std::uint8_t> bytes;
  cv::imencode(ending, mat, bytes, options);
  return bytes;
}

void expect_as_opencv(const Image& image, const std::vector<std::uint8_t>& bytes, const std::string& what) {
  const cv::Mat expected = cv::imdecode(bytes, cv::IMREAD_COLOR);
  ASSERT_EQ(image.width_px, expected.cols) << what;
  ASSERT_EQ(image.height_px, expected.rows) << what;
  EXPECT_TRUE(std::equal(image.bgr.begin(), image.bgr.end(), expected.datastart, expected.dataend)) << what;
}

/// The JPEG with an EXIF segment that says how the camera was held.
std::vector<std::uint8_t> with_orientation(std::vector<std::uint8_t> jpeg, std::uint8_t orientation, bool big_endian) {
  std::vector<std::uint8_t> segment = {0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
  const std::vector<std::uint8_t> big = {'M', 'M', 0, 42, 0, 0, 0,           8, 0, 1, 1, 0x12, 0,
                                         3,   0,   0, 0,  1, 0, orientation, 0, 0, 0, 0, 0,    0};
  const std::vector<std::uint8_t> little = {'I', 'I', 42, 0, 8, 0,           0, 0, 1, 0, 0x12, 1, 3,
                                            0,   1,   0,  0, 0, orientation, 0, 0, 0, 0, 0,    0, 0};
  const auto& tiff = big_endian ? big : little;
  segment.insert(segment.end(), tiff.begin(), tiff.end());
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  return jpeg;
}

TEST(PictureCodecs, ReadWhatOpenCvReads) {
  for (const int type : {CV_8UC1, CV_8UC3, CV_8UC4, CV_16UC1, CV_16UC3, CV_16UC4}) {
    const auto png = encoded(".png", picture(type));
    expect_as_opencv(decode_png(png), png, fmt::format("png of type {}", type));
  }
  const auto bits = encoded(".png", picture(CV_8UC1), {cv::IMWRITE_PNG_BILEVEL, 1});
  expect_as_opencv(decode_png(bits), bits, "png of one bit");
  for (const int type : {CV_8UC1, CV_8UC3}) {
    for (const int progressive : {0, 1}) {
      const auto jpeg = encoded(".jpg", picture(type), {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
      expect_as_opencv(decode_jpeg(jpeg), jpeg, fmt::format("jpeg of type {}, progressive {}", type, progressive));
    }
  }
}

TEST(PictureCodecs, TurnAsExifSays) {
  const auto upright = encoded(".jpg", picture(CV_8UC3));
  for (std::uint8_t orientation = 0; orientation <= 9; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const auto jpeg = with_orientation(upright, orientation, big_endian);
      expect_as_opencv(decode_jpeg(jpeg), jpeg, fmt::format("orientation {}", orientation));
    }
  }
}

TEST(PictureCodecs, WriteWhatOpenCvWouldRead) {
  const cv::Mat mat = picture(CV_8UC3);
  const Image image{.width_px = mat.cols, .height_px = mat.rows, .bgr = {mat.datastart, mat.dataend}};
  EXPECT_EQ(compress_jpeg(image, 85), encoded(".jpg", mat, {cv::IMWRITE_JPEG_QUALITY, 85}));
  const auto png = encode_png(image);
  expect_as_opencv(image, png, "png");
}

TEST(PictureCodecs, DamagedFilesAreRefusedOrReadWithoutHarm) {
  std::mt19937 random(5);
  for (const std::string ending : {".png", ".jpg"}) {
    const auto good = encoded(ending, picture(CV_8UC3));
    const auto read = [&](const std::vector<std::uint8_t>& bytes) {
      return ending == ".png" ? decode_png(bytes) : decode_jpeg(bytes);
    };
    for (std::size_t size = 0; size + 12 < good.size(); ++size) {
      EXPECT_THROW(read({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), Error) << ending << size;
    }
    for (int round = 0; round < 2000; ++round) {
      auto bad = good;
      for (int change = 0; change < 3; ++change) {
        bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
      }
      try {
        const Image image = read(bad);
        EXPECT_EQ(image.bgr.size(), static_cast<std::size_t>(image.width_px * image.height_px * 3));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      }
    }
  }
}

TEST(ImageFile, WritesAndReadsBack) {
  const auto path = std::filesystem::temp_directory_path() / "fovea_image_file_test.png";
  Image image{.width_px = 5, .height_px = 3, .bgr = std::vector<std::uint8_t>(45)};
  for (std::size_t i = 0; i < image.bgr.size(); ++i) {
    image.bgr[i] = static_cast<std::uint8_t>(5 * i);
  }
  write_image(path, image);
  const Image back = read_image(path);
  EXPECT_EQ(back.width_px, 5);
  EXPECT_EQ(back.bgr, image.bgr);
  EXPECT_EQ(to_bgr(image.view()).bgr, image.bgr);
  const Image part = to_bgr(image.view(), {0.2F, 0, 0.4F, 1});
  EXPECT_EQ(part.width_px, 2);
  EXPECT_EQ(part.bgr[0], image.bgr[3]);
  const std::vector<std::uint8_t> jpeg = encode_jpeg(image);
  EXPECT_EQ(jpeg.at(0), 0xFF);
  std::filesystem::remove(path);
}

TEST(ImageFile, RefusesWithAReason) {
  const auto path = std::filesystem::temp_directory_path() / "fovea_image_file_bad.png";
  const auto error_of = [&](const std::string& bytes) -> std::string {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read_image(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  using std::string_literals::operator""s;
  const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s;
  EXPECT_THAT(error_of("GIF89a"), testing::HasSubstr("neither PNG nor JPEG"));
  EXPECT_THAT(error_of(png + "\0\1\0\0\0\1\0\0\b\2\0\0\0"s), testing::HasSubstr("picture of 65536x65536"));
  EXPECT_THAT(error_of(png + "\0\0\0\1\0\0\0\1\b\2\0\0\0"s), testing::HasSubstr("damaged"));
  EXPECT_THAT(error_of("\xFF\xD8\xFF\xE0\0\0"s + std::string(20, '\0')), testing::HasSubstr("fovea_image_file_bad"));
  std::filesystem::remove(path);
  EXPECT_THROW(read_image(path), Error);
  EXPECT_THROW(write_image("/tmp/x.gif", {.width_px = 1, .height_px = 1, .bgr = {0, 0, 0}}), Error);
  EXPECT_THROW(write_image("/nowhere/x.png", {.width_px = 1, .height_px = 1, .bgr = {0, 0, 0}}), Error);
}

TEST(ImageFile, WritesJpeg) {
  const auto path = std::filesystem::temp_directory_path() / "fovea_image_file_test.jpg";
  const cv::Mat mat = picture(CV_8UC3);
  write_image(path, {.width_px = mat.cols, .height_px = mat.rows, .bgr = {mat.datastart, mat.dataend}});
  const auto expected = encoded(".jpg", mat, {cv::IMWRITE_JPEG_QUALITY, 95});
  expect_as_opencv(read_image(path), expected, "written file");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace fovea
