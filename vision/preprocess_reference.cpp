// preprocess_reference: the definition of preprocessing, one sample at a time in double.
#include <algorithm>
#include <cmath>

#include "vision/preprocess_plan.hpp"

namespace fovea {
namespace {

using preprocess::ColourPlan;
using preprocess::Placement;
using preprocess::Taps;

/// Samples of one colour component: `step_bytes` apart in a row.
struct Component {
  const std::uint8_t* data;
  std::ptrdiff_t stride_bytes;
  int step_bytes;
  int width;
  int height;
  int subsampling;
};

Component component(const FrameView& frame, std::size_t index) {
  const auto at = [&](int plane, int offset, int subsampling) {
    const PlaneExtent extent = plane_extent(frame.format, plane, frame.width_px, frame.height_px);
    const Plane& source = frame.planes[static_cast<std::size_t>(plane)];
    return Component{source.data + offset, source.stride_bytes, extent.sample_bytes,
                     extent.width,         extent.height,       subsampling};
  };
  if (!is_yuv(frame.format)) {
    return at(0, static_cast<int>(index), 1);
  }
  if (index == 0) {
    return at(0, 0, 1);
  }
  return frame.format == PixelFormat::kNV12 ? at(1, static_cast<int>(index) - 1, 2) : at(static_cast<int>(index), 0, 2);
}

double sample(const Component& source, const Placement& place, int x, int y) {
  const Taps column = preprocess::taps(place.src_x, place.step_x, x, source.subsampling, source.width);
  const Taps row = preprocess::taps(place.src_y, place.step_y, y, source.subsampling, source.height);
  const auto value = [&](int column_index, int row_index) {
    return static_cast<double>(source.data[row_index * source.stride_bytes + column_index * source.step_bytes]);
  };
  const double top =
      value(column.first, row.first) * (1 - column.weight) + value(column.second, row.first) * column.weight;
  const double bottom =
      value(column.first, row.second) * (1 - column.weight) + value(column.second, row.second) * column.weight;
  return top * (1 - row.weight) + bottom * row.weight;
}

}  // namespace

Mapping preprocess_reference(const PreProcessSpec& spec, const FrameView& frame, const Box& region,
                             const TensorView& output) {
  preprocess::check_spec(spec);
  check_frame(frame);
  preprocess::check_output(spec, output);
  const Placement place = preprocess::place(spec, frame.width_px, frame.height_px, region);
  const ColourPlan plan = preprocess::colour_plan(spec, frame);
  const auto store_value = [&](std::size_t c, int y, int x, double pixel) {
    const double result = pixel * plan.gain[c] + plan.bias[c];
    const auto channels = static_cast<std::size_t>(plan.channels);
    const std::size_t position = static_cast<std::size_t>(y) * spec.width_px + x;
    const std::size_t index =
        spec.layout == TensorLayout::kNchw ? c * spec.width_px * spec.height_px + position : position * channels + c;
    if (spec.data_type == DataType::kF32) {
      output.data<float>()[index] = static_cast<float>(result);
    } else {
      output.data<std::uint8_t>()[index] = static_cast<std::uint8_t>(std::nearbyint(std::clamp(result, 0.0, 255.0)));
    }
  };
  for (int y = 0; y < spec.height_px; ++y) {
    for (int x = 0; x < spec.width_px; ++x) {
      const int column = x - place.dst_x_px;
      const int row = y - place.dst_y_px;
      const bool inside = column >= 0 && row >= 0 && column < place.dst_width_px && row < place.dst_height_px;
      for (std::size_t c = 0; c < static_cast<std::size_t>(plan.channels); ++c) {
        double pixel = spec.pad_value;
        if (inside) {
          pixel = plan.offset[c];
          for (std::size_t p = 0; p < static_cast<std::size_t>(plan.planes); ++p) {
            pixel += plan.matrix[c][p] * sample(component(frame, p), place, column, row);
          }
          pixel = std::clamp(pixel, 0.0, 255.0);
        }
        store_value(c, y, x, pixel);
      }
    }
  }
  return place.mapping;
}

}  // namespace fovea
