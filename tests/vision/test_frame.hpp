// A frame of random pixels whose planes end exactly at their last sample, so that sanitizers see every read beyond.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "vision/frame_view.hpp"

namespace fovea::test {

struct TestFrame {
  std::array<std::vector<std::uint8_t>, 3> bytes;
  MutableFrameView view;

  /// \param extra_stride  Bytes between a row's end and the next row.
  TestFrame(PixelFormat format, int width, int height, int extra_stride = 0) {
    view.format = format;
    view.width_px = width;
    view.height_px = height;
    for (int i = 0; i < plane_count(format); ++i) {
      const PlaneExtent extent = plane_extent(format, i, width, height);
      const int row = extent.width * extent.sample_bytes;
      auto& plane = bytes[static_cast<std::size_t>(i)];
      plane.resize(static_cast<std::size_t>(row + extra_stride) * (extent.height - 1) + row);
      view.planes[static_cast<std::size_t>(i)] = {plane.data(), row + extra_stride};
    }
  }

  void randomise(std::mt19937& random) {
    for (auto& plane : bytes) {
      for (std::uint8_t& byte : plane) {
        byte = static_cast<std::uint8_t>(random());
      }
    }
  }

  [[nodiscard]] std::uint8_t& at(std::size_t plane, int byte_x, int y) {
    return bytes[plane][static_cast<std::size_t>(y * view.planes[plane].stride_bytes + byte_x)];
  }
};

}  // namespace fovea::test
