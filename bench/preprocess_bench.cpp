// Speed of preprocessing beside the usual OpenCV steps (cvtColor, resize, convertTo, split), one thread each.
#include <benchmark/benchmark.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <vector>

#include "vision/preprocess.hpp"

namespace {

constexpr int kWidth = 1920;
constexpr int kHeight = 1080;

/// Bytes of a 1080p picture; noise, since nothing here depends on the content.
std::vector<std::uint8_t> noise(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::mt19937 random(1);
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(random());
  }
  return bytes;
}

fovea::FrameView frame_of(fovea::PixelFormat format, const std::vector<std::uint8_t>& bytes) {
  fovea::FrameView frame{.format = format, .width_px = kWidth, .height_px = kHeight};
  std::size_t start = 0;
  for (int i = 0; i < fovea::plane_count(format); ++i) {
    const fovea::PlaneExtent extent = fovea::plane_extent(format, i, kWidth, kHeight);
    frame.planes[static_cast<std::size_t>(i)] = {bytes.data() + start, extent.width * extent.sample_bytes};
    start += static_cast<std::size_t>(extent.width) * extent.sample_bytes * extent.height;
  }
  return frame;
}

void fovea_preprocess(benchmark::State& state, fovea::PixelFormat format, fovea::DataType type,
                      fovea::ResizeMode resize) {
  const auto side = static_cast<int>(state.range(0));
  const std::vector<std::uint8_t> bytes = noise(std::size_t{4} * kWidth * kHeight);
  const fovea::FrameView frame = frame_of(format, bytes);
  fovea::PreProcess preprocess({.width_px = side, .height_px = side, .data_type = type, .resize = resize});
  fovea::Tensor output(type, {1, 3, side, side});
  for (auto _ : state) {
    preprocess.run(frame, {0, 0, 1, 1}, output.mutable_view());
    benchmark::ClobberMemory();
  }
}

void opencv_nv12(benchmark::State& state) {
  cv::setNumThreads(1);
  const auto side = static_cast<int>(state.range(0));
  std::vector<std::uint8_t> bytes = noise(std::size_t{kWidth} * kHeight * 3 / 2);
  const cv::Mat nv12(kHeight * 3 / 2, kWidth, CV_8UC1, bytes.data());
  cv::Mat bgr;
  cv::Mat small;
  cv::Mat floats;
  std::vector<float> output(static_cast<std::size_t>(side) * side * 3);
  std::vector<cv::Mat> planes;
  for (std::size_t c = 0; c < 3; ++c) {
    planes.emplace_back(side, side, CV_32FC1, output.data() + c * side * side);
  }
  for (auto _ : state) {
    cv::cvtColor(nv12, bgr, cv::COLOR_YUV2BGR_NV12);
    cv::resize(bgr, small, {side, side}, 0, 0, cv::INTER_LINEAR);
    small.convertTo(floats, CV_32F);
    cv::split(floats, planes);
    benchmark::ClobberMemory();
  }
}

using fovea::DataType;
using fovea::PixelFormat;
using fovea::ResizeMode;

BENCHMARK(opencv_nv12)->Arg(224)->Arg(640)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, nv12_f32, PixelFormat::kNV12, DataType::kF32, ResizeMode::kStretch)
    ->Arg(224)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, nv12_f32_letterbox, PixelFormat::kNV12, DataType::kF32, ResizeMode::kLetterbox)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, nv12_u8, PixelFormat::kNV12, DataType::kU8, ResizeMode::kStretch)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, i420_f32, PixelFormat::kI420, DataType::kF32, ResizeMode::kStretch)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, bgr_f32, PixelFormat::kBGR, DataType::kF32, ResizeMode::kStretch)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fovea_preprocess, bgrx_f32, PixelFormat::kBGRx, DataType::kF32, ResizeMode::kStretch)
    ->Arg(640)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
