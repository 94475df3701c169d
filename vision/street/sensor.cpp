// Integer arithmetic in 16 bits where it can, so that compilers use eight or sixteen lanes.
#include "vision/street/sensor.hpp"

#include <array>

#include "vision/street/pixel_loops.hpp"

namespace fovea::street {
namespace {

constexpr std::size_t kGrain = 1U << 16U;

int rounded(double value) { return static_cast<int>(std::floor(value + 0.5)); }

YuvWeights weights_of(ColorMatrix matrix, ColorRange range) {
  double kr = 0.299;
  double kb = 0.114;
  if (matrix == ColorMatrix::kBt709) {
    kr = 0.2126;
    kb = 0.0722;
  } else if (matrix == ColorMatrix::kBt2020) {
    kr = 0.2627;
    kb = 0.0593;
  }
  const bool limited = range == ColorRange::kLimited;
  const double luma = 256 * (limited ? 219.0 / 255 : 1);
  const double chroma = 256 * (limited ? 224.0 / 255 : 1) * 0.5;
  YuvWeights weights;
  weights.offset = limited ? 16 : 0;
  // Green takes the rounding, so that gray stays gray: luma weights sum up, chroma weights cancel.
  weights.y = {rounded(luma * kr), 0, rounded(luma * kb)};
  weights.y[1] = rounded(luma) - weights.y[0] - weights.y[2];
  weights.u = {rounded(-chroma * kr / (1 - kb)), 0, rounded(chroma)};
  weights.u[1] = -weights.u[0] - weights.u[2];
  weights.v = {rounded(chroma), 0, rounded(-chroma * kb / (1 - kr))};
  weights.v[1] = -weights.v[0] - weights.v[2];
  return weights;
}

FOVEA_STREET_LOOP void apply(const std::uint8_t* source, const std::uint16_t* gain, const std::int8_t* shared,
                             const std::int8_t* own, int count, std::uint8_t* target) {
  for (int i = 0; i < count; ++i) {
    const auto scaled = static_cast<std::int16_t>(static_cast<std::uint16_t>(source[i] * gain[i]) >> 8U);
    const auto noisy = static_cast<std::int16_t>(scaled + shared[i] + own[i]);
    const auto floor = static_cast<std::int16_t>(noisy < 0 ? 0 : noisy);
    target[i] = static_cast<std::uint8_t>(floor > 255 ? 255 : floor);
  }
}

FOVEA_STREET_LOOP void luma_row(const std::uint8_t* r, const std::uint8_t* g, const std::uint8_t* b,
                                const YuvWeights& weights, int count, std::uint8_t* y) {
  const auto wr = static_cast<std::uint16_t>(weights.y[0]);
  const auto wg = static_cast<std::uint16_t>(weights.y[1]);
  const auto wb = static_cast<std::uint16_t>(weights.y[2]);
  const auto offset = static_cast<std::uint16_t>(weights.offset);
  for (int i = 0; i < count; ++i) {
    const auto sum = static_cast<std::uint16_t>(r[i] * wr + g[i] * wg + b[i] * wb + 128);
    y[i] = static_cast<std::uint8_t>((sum >> 8U) + offset);
  }
}

/// Mean of 2x2 pixels; the last column of an odd width counts twice.
FOVEA_STREET_LOOP void halve(const std::uint8_t* upper, const std::uint8_t* lower, int width, std::int16_t* mean) {
  for (int i = 0; i < width / 2; ++i) {
    mean[i] = static_cast<std::int16_t>((upper[2 * i] + upper[2 * i + 1] + lower[2 * i] + lower[2 * i + 1] + 2) >> 2);
  }
  if (width % 2 != 0) {
    mean[width / 2] = static_cast<std::int16_t>((upper[width - 1] + lower[width - 1] + 1) >> 1);
  }
}

/// Rounding by 127/256, not 128, keeps full range within 16 bits: 128·255 + 127 = 32767.
FOVEA_STREET_LOOP void chroma_row(const std::int16_t* r, const std::int16_t* g, const std::int16_t* b,
                                  const std::array<int, 3>& weights, int count, std::uint8_t* chroma) {
  const auto wr = static_cast<std::int16_t>(weights[0]);
  const auto wg = static_cast<std::int16_t>(weights[1]);
  const auto wb = static_cast<std::int16_t>(weights[2]);
  for (int i = 0; i < count; ++i) {
    const auto sum = static_cast<std::int16_t>(r[i] * wr + g[i] * wg + b[i] * wb + 127);
    chroma[i] = static_cast<std::uint8_t>((sum >> 8) + 128);
  }
}

FOVEA_STREET_LOOP void interleave(const std::uint8_t* u, const std::uint8_t* v, int count, std::uint8_t* uv) {
  for (int i = 0; i < count; ++i) {
    uv[2 * i] = u[i];
    uv[2 * i + 1] = v[i];
  }
}

void bgr_row(const std::uint8_t* r, const std::uint8_t* g, const std::uint8_t* b, int count, std::uint8_t* target) {
  for (int i = 0; i < count; ++i) {
    target[3 * i] = b[i];
    target[3 * i + 1] = g[i];
    target[3 * i + 2] = r[i];
  }
}

std::vector<std::uint16_t> vignette(int size, double depth) {
  std::vector<std::uint16_t> result(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    const double offset = (i + 0.5) / size * 2 - 1;
    result[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(256 * (1 - depth * offset * offset));
  }
  return result;
}

}  // namespace

Sensor::Sensor(const Light& light, int width_px, int height_px, std::uint64_t seed)
    : width_(width_px),
      height_(height_px),
      seed_(seed),
      rain_(light.wet),
      exposure_(light.exposure),
      grain_(kGrain + static_cast<std::size_t>(width_px)),
      vignette_x_(vignette(width_px, 0.09)),
      vignette_y_(vignette(height_px, 0.06)),
      gain_(static_cast<std::size_t>(width_px)),
      mean_r_(static_cast<std::size_t>(width_px + 1) / 2),
      mean_g_(mean_r_.size()),
      mean_b_(mean_r_.size()),
      u_(mean_r_.size()),
      v_(mean_r_.size()) {
  Random random(seed, 41);
  for (std::int8_t& grain : grain_) {
    // The sum of four uniform numbers is nearly normal, with variance 4/12.
    double sum = -2;
    for (int i = 0; i < 4; ++i) {
      sum += random.uniform();
    }
    grain = static_cast<std::int8_t>(rounded(std::clamp(sum * 1.732 * light.grain * 0.75, -60.0, 60.0)));
  }
  for (Row& row : rows_) {
    row.r.resize(static_cast<std::size_t>(width_px));
    row.g.resize(static_cast<std::size_t>(width_px));
    row.b.resize(static_cast<std::size_t>(width_px));
  }
}

void Sensor::make_streaks(std::uint64_t number) {
  streaks_.clear();
  if (!rain_) {
    return;
  }
  Random random(seed_ ^ number * 0x9E3779B97F4A7C15ULL, 42);
  Random wind(seed_, 43);
  const int lean = wind.below(9) - 4;
  // As many as make one streak every 55x55 pixels of a 720 line picture.
  const int count = width_ * 300 / std::max(height_ * 16 / 9, 1);
  for (int i = 0; i < count; ++i) {
    Streak streak{};
    const int size = height_ * (2 + random.below(5)) / 100;
    streak.x = random.below(width_);
    streak.y0 = random.below(height_ + size) - size;
    streak.y1 = streak.y0 + std::max(3, size);
    streak.slope = lean + random.below(3) - 1;
    streak.alpha = 8 + random.below(22);
    streaks_.push_back(streak);
  }
  std::ranges::sort(streaks_, [](const Streak& a, const Streak& b) {
    return a.y0 != b.y0 ? a.y0 < b.y0 : (a.x != b.x ? a.x < b.x : a.alpha < b.alpha);
  });
}

void Sensor::rain_row(int y, Row& row) const {
  for (const Streak& streak : streaks_) {
    if (streak.y0 > y) {
      break;
    }
    const int x = streak.x + ((y - streak.y0) * streak.slope) / 16;
    if (y >= streak.y1 || x < 0 || x >= width_) {
      continue;
    }
    for (std::vector<std::uint8_t>* plane : {&row.r, &row.g, &row.b}) {
      std::uint8_t& value = (*plane)[static_cast<std::size_t>(x)];
      value = static_cast<std::uint8_t>(value + (((value / 2 + 118 - value) * streak.alpha) >> 7));
    }
  }
}

void Sensor::expose_row(const Canvas& canvas, int offset_x, int offset_y, int y, std::uint32_t key, int gain,
                        Row& row) {
  const int line = gain * vignette_y_[static_cast<std::size_t>(y)] >> 8;
  for (std::size_t i = 0; i < gain_.size(); ++i) {
    gain_[i] = static_cast<std::uint16_t>(line * vignette_x_[i] >> 8);
  }
  const auto grain = [&](int channel) { return grain_.data() + (hash(y, channel, key) & (kGrain - 1)); };
  const std::size_t at = canvas.at(offset_x, offset_y + y);
  const std::int8_t* shared = grain(0);
  apply(canvas.r.data() + at, gain_.data(), shared, grain(1), width_, row.r.data());
  apply(canvas.g.data() + at, gain_.data(), shared, grain(2), width_, row.g.data());
  apply(canvas.b.data() + at, gain_.data(), shared, grain(3), width_, row.b.data());
  if (rain_) {
    rain_row(y, row);
  }
}

void Sensor::chroma_rows(const Row& upper, const Row& lower, const YuvWeights& weights, const MutableFrameView& frame,
                         int y) {
  const int count = (width_ + 1) / 2;
  halve(upper.r.data(), lower.r.data(), width_, mean_r_.data());
  halve(upper.g.data(), lower.g.data(), width_, mean_g_.data());
  halve(upper.b.data(), lower.b.data(), width_, mean_b_.data());
  const bool packed = frame.format == PixelFormat::kNV12;
  const auto target = [&](std::size_t plane) {
    return frame.planes[plane].data + frame.planes[plane].stride_bytes * y;
  };
  std::uint8_t* u = packed ? u_.data() : target(1);
  std::uint8_t* v = packed ? v_.data() : target(2);
  chroma_row(mean_r_.data(), mean_g_.data(), mean_b_.data(), weights.u, count, u);
  chroma_row(mean_r_.data(), mean_g_.data(), mean_b_.data(), weights.v, count, v);
  if (packed) {
    interleave(u, v, count, target(1));
  }
}

void Sensor::expose(const Canvas& canvas, int offset_x, int offset_y, std::uint64_t number, double seconds,
                    const MutableFrameView& frame) {
  make_streaks(number);
  const auto key = static_cast<std::uint32_t>(number * 2654435761U + seed_);
  // The automatic exposure hunts slowly by a few percent.
  const double drift =
      0.955 + 0.03 * sine(seconds * 0.23 + static_cast<double>(seed_ % 7)) + 0.015 * sine(seconds * 0.9);
  const int gain = std::min(256, rounded(256 * exposure_ * drift));
  const YuvWeights weights = weights_of(frame.matrix, frame.range);
  const auto target = [&](std::size_t plane, int y) {
    return frame.planes[plane].data + frame.planes[plane].stride_bytes * y;
  };
  for (int y = 0; y < height_; ++y) {
    Row& row = rows_[y & 1];
    expose_row(canvas, offset_x, offset_y, y, key, gain, row);
    if (frame.format == PixelFormat::kBGR) {
      bgr_row(row.r.data(), row.g.data(), row.b.data(), width_, target(0, y));
      continue;
    }
    luma_row(row.r.data(), row.g.data(), row.b.data(), weights, width_, target(0, y));
    if ((y & 1) == 0 && y + 1 < height_) {
      continue;
    }
    chroma_rows(rows_[0], rows_[y & 1], weights, frame, y / 2);
  }
}

}  // namespace fovea::street
