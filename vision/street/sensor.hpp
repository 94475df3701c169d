// From the clean picture to what a camera delivers: exposure, vignetting, rain, noise, pixel format.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "vision/frame_view.hpp"
#include "vision/street/light.hpp"
#include "vision/street/raster.hpp"

namespace fovea::street {

/// Luma and chroma weights in 1/256, from the ITU-R matrices.
struct YuvWeights {
  std::array<int, 3> y{};
  std::array<int, 3> u{};
  std::array<int, 3> v{};
  int offset = 16;
};

class Sensor {
 public:
  Sensor(const Light& light, int width_px, int height_px, std::uint64_t seed);

  /// Writes the part of the canvas at (offset_x, offset_y) into a BGR, NV12 or I420 frame. What is added depends on the
  /// seed and `number` only. NV12 and I420 are the BGR picture converted, chroma averaged over 2x2 pixels.
  void expose(const Canvas& canvas, int offset_x, int offset_y, std::uint64_t number, double seconds,
              const MutableFrameView& frame);

 private:
  struct Streak {
    int x;
    int y0;
    int y1;
    int slope;  ///< Sixteenths of a pixel to the side a row.
    int alpha;  ///< 0…128.
  };
  struct Row {
    std::vector<std::uint8_t> r;
    std::vector<std::uint8_t> g;
    std::vector<std::uint8_t> b;
  };

  void chroma_rows(const Row& upper, const Row& lower, const YuvWeights& weights, const MutableFrameView& frame, int y);
  void make_streaks(std::uint64_t number);
  void expose_row(const Canvas& canvas, int offset_x, int offset_y, int y, std::uint32_t key, int gain, Row& row);
  void rain_row(int y, Row& row) const;

  int width_;
  int height_;
  std::uint64_t seed_;
  bool rain_;
  double exposure_;
  std::vector<std::int8_t> grain_;         ///< Normal noise, kGrain entries and a row more.
  std::vector<std::uint16_t> vignette_x_;  ///< 256 is 1.
  std::vector<std::uint16_t> vignette_y_;
  std::vector<std::uint16_t> gain_;
  std::vector<std::int16_t> mean_r_;  ///< Of 2x2 pixels, one row.
  std::vector<std::int16_t> mean_g_;
  std::vector<std::int16_t> mean_b_;
  std::vector<std::uint8_t> u_;
  std::vector<std::uint8_t> v_;
  std::vector<Streak> streaks_;
  Row rows_[2];
};

}  // namespace fovea::street
