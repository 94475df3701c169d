// PreProcess: per output row, blend two source rows, then pick columns, convert the colour and store.
#include "vision/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "vision/preprocess_kernels.hpp"
#include "vision/preprocess_plan.hpp"

namespace fovea {
namespace {

using preprocess::ColourPlan;
using preprocess::Placement;
using preprocess::Taps;

/// What decides the tables: when it is unchanged, nothing is computed or allocated.
struct Geometry {
  PixelFormat format = PixelFormat::kBGR;
  int width_px = 0;
  int height_px = 0;
  ColorMatrix matrix = ColorMatrix::kBt601;
  ColorRange range = ColorRange::kLimited;
  Box region;
  bool operator==(const Geometry&) const = default;
};

/// Two source rows and the weight of the lower one in 1/32768.
struct RowTaps {
  int top = 0;
  int bottom = 0;
  int weight = 0;
};

/// The tables of luma or of chroma, or of packed pixels.
struct SampleTables {
  std::vector<RowTaps> rows;
  std::vector<std::int32_t> offset_bytes;
  std::vector<std::int32_t> weights;
  std::size_t window = 0;  ///< See ColumnTable.
  int first_column = 0;    ///< First sample that is read.
  int columns = 0;         ///< Samples from there on.

  [[nodiscard]] preprocess::ColumnTable column_table() const { return {offset_bytes.data(), window, weights.data()}; }
};

std::size_t padded(std::size_t count) {
  return (count + preprocess::kRowPadding - 1) / preprocess::kRowPadding * preprocess::kRowPadding;
}

void build(SampleTables& tables, const Placement& place, int subsampling, int width, int height) {
  tables.rows.clear();
  for (int y = 0; y < place.dst_height_px; ++y) {
    const Taps taps = preprocess::taps(place.src_y, place.step_y, y, subsampling, height);
    const auto weight = static_cast<int>(std::lround(taps.weight * preprocess::kRowWeightOne));
    tables.rows.push_back({taps.first, taps.second, std::min(weight, preprocess::kRowWeightOne - 1)});
  }
  const auto column = [&](int x) { return preprocess::taps(place.src_x, place.step_x, x, subsampling, width); };
  tables.first_column = column(0).first;
  tables.columns = column(place.dst_width_px - 1).second - tables.first_column + 1;
  const std::size_t count = padded(static_cast<std::size_t>(place.dst_width_px));
  tables.offset_bytes.assign(count, 0);
  tables.weights.assign(count, 0);
  for (int x = 0; x < place.dst_width_px; ++x) {
    const Taps taps = column(x);
    const auto second = static_cast<std::int32_t>(std::lround(taps.weight * preprocess::kColumnWeightOne));
    const auto index = static_cast<std::size_t>(x);
    tables.offset_bytes[index] = (taps.first - tables.first_column) * static_cast<int>(sizeof(std::int16_t));
    tables.weights[index] = (preprocess::kColumnWeightOne - second) | (second << 16);
  }
  tables.window = 0;
  for (int x = 0; x < place.dst_width_px; ++x) {
    const int last = std::min(x + static_cast<int>(preprocess::kPermutedColumns), place.dst_width_px) - 1;
    tables.window = std::max(tables.window, static_cast<std::size_t>(column(last).first - column(x).first) + 2);
  }
}

}  // namespace

struct PreProcess::Tables {
  PreProcessSpec spec;
  Geometry geometry;
  Placement place;
  SampleTables luma;  ///< Or packed pixels.
  SampleTables chroma;
  std::array<std::vector<std::int16_t>, 3> blended;    ///< One row per component.
  std::array<std::vector<float>, 3> float_rows;        ///< One row per channel, where the output is interleaved f32.
  std::array<std::vector<std::uint8_t>, 3> byte_rows;  ///< The same for u8.
  std::array<float, 3> border{};                       ///< pad_value after mean and scale.
  preprocess::RowJob job;

  void rebuild(const Geometry& wanted, const FrameView& frame, const Box& region);
  void set_colour(const ColourPlan& plan);
  void blend(const FrameView& frame, int row);
  template <class T>
  void convert(const TensorView& output, int row, std::array<std::vector<T>, 3>& scratch);
  void fill_borders(const TensorView& output);
  template <class T>
  void fill_rectangle(const TensorView& output, int left, int top, int right, int bottom);
};

void PreProcess::Tables::set_colour(const ColourPlan& plan) {
  job.planes = plan.planes;
  job.channels = plan.channels;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t p = 0; p < 3; ++p) {
      job.matrix[c][p] = static_cast<float>(plan.matrix[c][p] / preprocess::kSampleScale);
    }
    job.offset[c] = static_cast<float>(plan.offset[c]);
    job.gain[c] = static_cast<float>(plan.gain[c]);
    job.bias[c] = static_cast<float>(plan.bias[c]);
    border[c] = static_cast<float>(spec.pad_value * plan.gain[c] + plan.bias[c]);
  }
}

void PreProcess::Tables::rebuild(const Geometry& wanted, const FrameView& frame, const Box& region) {
  geometry = {};  // Until all tables are there.
  place = preprocess::place(spec, frame.width_px, frame.height_px, region);
  set_colour(preprocess::colour_plan(spec, frame));
  build(luma, place, 1, frame.width_px, frame.height_px);
  if (is_yuv(frame.format)) {
    const PlaneExtent extent = plane_extent(frame.format, 1, frame.width_px, frame.height_px);
    build(chroma, place, 2, extent.width, extent.height);
  }
  const auto width = static_cast<std::size_t>(place.dst_width_px);
  for (std::size_t i = 0; i < 3; ++i) {
    const bool subsampled = is_yuv(frame.format) && i > 0;
    const SampleTables& tables = subsampled ? chroma : luma;
    blended[i].assign(static_cast<std::size_t>(tables.columns) + preprocess::kPermutedSamples, 0);
    job.rows[i] = blended[i].data();
    job.columns[i] = tables.column_table();
    if (spec.layout == TensorLayout::kNhwc && job.channels == 3) {
      spec.data_type == DataType::kF32 ? float_rows[i].resize(width) : byte_rows[i].resize(width);
    }
  }
  job.count = width;
  geometry = wanted;
}

void PreProcess::Tables::blend(const FrameView& frame, int row) {
  const auto line = [&](const SampleTables& tables, std::size_t plane, int step,
                        const std::array<std::int16_t*, 3>& out) {
    const Plane& source = frame.planes[plane];
    const RowTaps& taps = tables.rows[static_cast<std::size_t>(row)];
    const std::uint8_t* start = source.data + static_cast<std::ptrdiff_t>(tables.first_column) * step;
    preprocess::blend_rows(start + taps.top * source.stride_bytes, start + taps.bottom * source.stride_bytes, step,
                           taps.weight, static_cast<std::size_t>(tables.columns), out);
  };
  const std::array<std::int16_t*, 3> rows = {blended[0].data(), blended[1].data(), blended[2].data()};
  const PlaneExtent first = plane_extent(frame.format, 0, frame.width_px, frame.height_px);
  line(luma, 0, first.sample_bytes, rows);
  if (!is_yuv(frame.format) || job.planes == 1) {
    return;
  }
  if (frame.format == PixelFormat::kNV12) {
    line(chroma, 1, 2, {rows[1], rows[2], nullptr});
  } else {
    line(chroma, 1, 1, {rows[1], nullptr, nullptr});
    line(chroma, 2, 1, {rows[2], nullptr, nullptr});
  }
}

template <class T>
void PreProcess::Tables::convert(const TensorView& output, int row, std::array<std::vector<T>, 3>& scratch) {
  const auto width = static_cast<std::size_t>(spec.width_px);
  const std::size_t start = static_cast<std::size_t>(row + place.dst_y_px) * width + place.dst_x_px;
  T* base = reinterpret_cast<T*>(output.bytes);
  if (spec.layout == TensorLayout::kNhwc && job.channels == 3) {
    preprocess::convert_row(job, std::array<T*, 3>{scratch[0].data(), scratch[1].data(), scratch[2].data()});
    preprocess::interleave(std::array<const T*, 3>{scratch[0].data(), scratch[1].data(), scratch[2].data()},
                           base + start * 3, job.count);
    return;
  }
  const std::size_t plane = width * static_cast<std::size_t>(spec.height_px);
  std::array<T*, 3> out{};
  for (std::size_t c = 0; c < static_cast<std::size_t>(job.channels); ++c) {
    out[c] = base + c * plane + start;
  }
  preprocess::convert_row(job, out);
}

template <class T>
void PreProcess::Tables::fill_rectangle(const TensorView& output, int left, int top, int right, int bottom) {
  if (left >= right || top >= bottom) {
    return;
  }
  T* base = reinterpret_cast<T*>(output.bytes);
  const auto channels = static_cast<std::size_t>(job.channels);
  const auto width = static_cast<std::size_t>(spec.width_px);
  const bool planar = spec.layout == TensorLayout::kNchw;
  const std::size_t step = planar ? 1 : channels;
  for (std::size_t c = 0; c < channels; ++c) {
    T value{};
    if constexpr (std::is_same_v<T, float>) {
      value = border[c];
    } else {
      value = static_cast<T>(std::nearbyint(std::clamp(border[c], 0.0F, 255.0F)));
    }
    T* channel = base + (planar ? c * width * static_cast<std::size_t>(spec.height_px) : c);
    for (int y = top; y < bottom; ++y) {
      T* line = channel + static_cast<std::size_t>(y) * width * step;
      for (int x = left; x < right; ++x) {
        line[static_cast<std::size_t>(x) * step] = value;
      }
    }
  }
}

void PreProcess::Tables::fill_borders(const TensorView& output) {
  const int right = place.dst_x_px + place.dst_width_px;
  const int bottom = place.dst_y_px + place.dst_height_px;
  const auto fill = [&](int x0, int y0, int x1, int y1) {
    if (spec.data_type == DataType::kF32) {
      fill_rectangle<float>(output, x0, y0, x1, y1);
    } else {
      fill_rectangle<std::uint8_t>(output, x0, y0, x1, y1);
    }
  };
  fill(0, 0, spec.width_px, place.dst_y_px);
  fill(0, bottom, spec.width_px, spec.height_px);
  fill(0, place.dst_y_px, place.dst_x_px, bottom);
  fill(right, place.dst_y_px, spec.width_px, bottom);
}

PreProcess::PreProcess(const PreProcessSpec& spec) : tables_(std::make_unique<Tables>()) {
  preprocess::check_spec(spec);
  tables_->spec = spec;
}

PreProcess::~PreProcess() = default;
PreProcess::PreProcess(PreProcess&&) noexcept = default;
PreProcess& PreProcess::operator=(PreProcess&&) noexcept = default;

const PreProcessSpec& PreProcess::spec() const { return tables_->spec; }

Mapping PreProcess::run(const FrameView& frame, const Box& region, const TensorView& output) {
  check_frame(frame);
  preprocess::check_output(tables_->spec, output);
  const Geometry wanted{frame.format, frame.width_px, frame.height_px, frame.matrix, frame.range, region};
  if (wanted != tables_->geometry) {
    tables_->rebuild(wanted, frame, region);
  }
  tables_->fill_borders(output);
  for (int row = 0; row < tables_->place.dst_height_px; ++row) {
    tables_->blend(frame, row);
    if (tables_->spec.data_type == DataType::kF32) {
      tables_->convert(output, row, tables_->float_rows);
    } else {
      tables_->convert(output, row, tables_->byte_rows);
    }
  }
  return tables_->place.mapping;
}

}  // namespace fovea
