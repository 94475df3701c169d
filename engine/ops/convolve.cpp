#include "engine/ops/convolve.hpp"

#include <algorithm>

#include "engine/ops/shapes.hpp"
#include "engine/ops/sum_rows.hpp"

namespace fovea::ops {
namespace {

/// sum[i * stride] += weight * row[i]
void scatter_row(double* __restrict sum, const double* __restrict row, std::int64_t stride, std::int64_t count,
                 double weight) {
  for (std::int64_t i = 0; i < count; ++i) {
    sum[i * stride] += weight * row[i];
  }
}

/// Always three spatial axes; a pointwise convolution becomes one long row.
std::array<Window, 3> three_axes(const std::vector<Window>& windows) {
  std::array<Window, 3> axes;
  std::copy(windows.begin(), windows.end(), axes.end() - static_cast<std::ptrdiff_t>(windows.size()));
  const bool pointwise = std::ranges::all_of(axes, [](const Window& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.pad_begin == 0 && axis.input == axis.output;
  });
  if (pointwise) {
    const std::int64_t count = axes[0].input * axes[1].input * axes[2].input;
    axes = {};
    axes[2].input = count;
    axes[2].output = count;
  }
  return axes;
}

/// Positions of the window for which kernel element `k` lies inside the input: [first, last).
struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// \param positions  Number of window positions along the axis.
/// \param extent     Extent of the side the window slides over.
Range valid_positions(const Window& axis, std::int64_t k, std::int64_t positions, std::int64_t extent) {
  const std::int64_t offset = k * axis.dilation - axis.pad_begin;  // element touched by position 0
  const std::int64_t first = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
  const std::int64_t last = extent - 1 - offset < 0 ? 0 : (extent - 1 - offset) / axis.stride + 1;
  return {.first = std::min(first, positions), .last = std::clamp(last, std::min(first, positions), positions)};
}

/// Visits each (window row, slid-over row) pair of a kernel: the two outer spatial axes.
template <class Visit>
void for_each_row(const std::array<Window, 3>& axes, std::array<std::int64_t, 2> positions,
                  std::array<std::int64_t, 2> extents, Visit visit) {
  for (std::int64_t kd = 0; kd < axes[0].kernel; ++kd) {
    const Range depth = valid_positions(axes[0], kd, positions[0], extents[0]);
    for (std::int64_t kh = 0; kh < axes[1].kernel; ++kh) {
      const Range height = valid_positions(axes[1], kh, positions[1], extents[1]);
      for (std::int64_t d = depth.first; d < depth.last; ++d) {
        const std::int64_t other_d = d * axes[0].stride + kd * axes[0].dilation - axes[0].pad_begin;
        for (std::int64_t h = height.first; h < height.last; ++h) {
          const std::int64_t other_h = h * axes[1].stride + kh * axes[1].dilation - axes[1].pad_begin;
          visit(kd * axes[1].kernel + kh, d * positions[1] + h, other_d * extents[1] + other_h);
        }
      }
    }
  }
}

std::int64_t product(const std::array<Window, 3>& axes, std::int64_t Window::*member) {
  return axes[0].*member * axes[1].*member * axes[2].*member;
}

/// Rows of the input with their padding, taken apart by the stride: what neighbouring window positions touch with one
/// kernel element lies side by side.
class PhasedRows {
 public:
  explicit PhasedRows(const Window& axis) : axis_(axis) {
    // What the last window position touches last, or the input's end: the right padding is implied.
    const std::int64_t touched = (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    const std::int64_t extent = std::max(touched, axis.pad_begin + axis.input);
    phase_length_ = (extent + axis.stride - 1) / axis.stride;
  }

  /// Elements of a row taken apart.
  [[nodiscard]] std::int64_t length() const { return phase_length_ * axis_.stride; }

  void fill(const double* row, double* phased) const {
    std::fill_n(phased, length(), 0.0);
    for (std::int64_t i = std::max<std::int64_t>(0, -axis_.pad_begin); i < axis_.input; ++i) {
      const std::int64_t at = i + axis_.pad_begin;
      phased[at % axis_.stride * phase_length_ + at / axis_.stride] = row[i];
    }
  }

  /// Where kernel element `k` begins in a row taken apart.
  [[nodiscard]] std::int64_t offset(std::int64_t k) const {
    const std::int64_t at = k * axis_.dilation;
    return at % axis_.stride * phase_length_ + at / axis_.stride;
  }

 private:
  Window axis_;
  std::int64_t phase_length_ = 0;
};

/// For each weight of a filter the row it is multiplied with in one row of windows (`out_row` counts over both outer
/// axes); `zeros` where that lies in the padding.
void gather_rows(const std::array<Window, 3>& axes, const PhasedRows& phases, const double* padded, const double* zeros,
                 std::int64_t out_row, std::vector<const double*>& rows) {
  const std::int64_t taps = product(axes, &Window::kernel);
  const std::int64_t channels = static_cast<std::int64_t>(rows.size()) / taps;
  const auto touched = [](const Window& axis, std::int64_t position, std::int64_t k) {
    return position * axis.stride + k * axis.dilation - axis.pad_begin;
  };
  auto row = rows.begin();
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    for (std::int64_t kd = 0; kd < axes[0].kernel; ++kd) {
      const std::int64_t d = touched(axes[0], out_row / axes[1].output, kd);
      for (std::int64_t kh = 0; kh < axes[1].kernel; ++kh) {
        const std::int64_t h = touched(axes[1], out_row % axes[1].output, kh);
        const bool inside = d >= 0 && d < axes[0].input && h >= 0 && h < axes[1].input;
        const double* begin =
            inside ? padded + ((channel * axes[0].input + d) * axes[1].input + h) * phases.length() : nullptr;
        for (std::int64_t kw = 0; kw < axes[2].kernel; ++kw) {
          *row++ = inside ? begin + phases.offset(kw) : zeros;
        }
      }
    }
  }
}

/// Shapes of a convolution's parts, read off its inputs.
struct Parts {
  std::int64_t groups = 1;
  std::size_t weight_lead = 0;  ///< 1 when the weights start with a group axis.
  Shape input;                  ///< Spatial.
  Shape kernel;                 ///< Spatial.
};

Parts split_parts(const Shape& data, const Shape& weights, bool grouped) {
  check_rank(data, 3, 5, "data");
  check_static(weights, "weights");
  const std::size_t lead = grouped ? 1 : 0;
  check_rank(weights, data.size() + lead, data.size() + lead, "weights");
  for (std::size_t i = 0; i < lead + 2; ++i) {
    check_range(weights[i], 1, kMaxAttribute, "an extent of the weights");
  }
  return {.groups = grouped ? weights[0] : 1,
          .weight_lead = lead,
          .input = Shape(data.begin() + 2, data.end()),
          .kernel = Shape(weights.begin() + static_cast<std::ptrdiff_t>(lead) + 2, weights.end())};
}

void check_channels(const Shape& data, std::int64_t groups, std::int64_t per_group) {
  if (data[1] != kDynamic && data[1] != multiply_extents(groups, per_group)) {
    fail(ErrorCode::kInvalidModel, "data has {} channels, the weights expect {} groups of {}", data[1], groups,
         per_group);
  }
}

TensorType output_type(const InputInfo& data, std::int64_t channels, const std::vector<Window>& windows) {
  Shape shape = {data.type.shape[0], channels};
  for (const Window& window : windows) {
    shape.push_back(window.output);
  }
  return {data.type.data_type, std::move(shape)};
}

}  // namespace

void convolve(const ConvolutionGeometry& geometry, const ConstTensorView& input, const ConstTensorView& weights,
              const TensorView& output) {
  const std::array<Window, 3> axes = three_axes(geometry.windows);
  const std::vector<double> x = to_doubles(input);
  const std::vector<double> w = to_doubles(weights);
  std::vector<double> y(element_count(output.shape()));
  const std::int64_t in_plane = product(axes, &Window::input);
  const std::int64_t out_plane = product(axes, &Window::output);
  const std::int64_t taps = product(axes, &Window::kernel);
  const PhasedRows phases(axes[2]);
  std::vector<double> padded(
      static_cast<std::size_t>(geometry.inputs * axes[0].input * axes[1].input * phases.length() + kRowSlack));
  const std::vector<double> zeros(static_cast<std::size_t>(axes[2].output + kRowSlack), 0.0);
  std::vector<const double*> rows(static_cast<std::size_t>(geometry.inputs * taps));
  for (std::int64_t batch_group = 0; batch_group < geometry.batch * geometry.groups; ++batch_group) {
    const std::int64_t in_rows = geometry.inputs * axes[0].input * axes[1].input;
    for (std::int64_t row = 0; row < in_rows; ++row) {
      phases.fill(x.data() + batch_group * geometry.inputs * in_plane + row * axes[2].input,
                  padded.data() + row * phases.length());
    }
    const double* filters = w.data() + batch_group % geometry.groups * geometry.outputs * geometry.inputs * taps;
    double* sums = y.data() + batch_group * geometry.outputs * out_plane;
    for (std::int64_t out_row = 0; out_row < axes[0].output * axes[1].output; ++out_row) {
      gather_rows(axes, phases, padded.data(), zeros.data(), out_row, rows);
      sum_rows(rows, filters, geometry.outputs, axes[2].output, sums + out_row * axes[2].output, out_plane);
    }
  }
  store(output, y);
}

void convolve_transposed(const ConvolutionGeometry& geometry, const ConstTensorView& input,
                         const ConstTensorView& weights, const TensorView& output) {
  const std::array<Window, 3> axes = three_axes(geometry.windows);
  const std::vector<double> x = to_doubles(input);
  const std::vector<double> w = to_doubles(weights);
  std::vector<double> y(element_count(output.shape()), 0.0);
  const std::int64_t in_plane = product(axes, &Window::input);
  const std::int64_t out_plane = product(axes, &Window::output);
  const std::int64_t taps = product(axes, &Window::kernel);
  const Window& row = axes[2];
  for (std::int64_t plane = 0; plane < geometry.batch * geometry.groups * geometry.inputs; ++plane) {
    const std::int64_t batch_group = plane / geometry.inputs;
    const std::int64_t filter = plane % (geometry.groups * geometry.inputs);
    const double* source = x.data() + plane * in_plane;
    for (std::int64_t channel = 0; channel < geometry.outputs; ++channel) {
      double* sums = y.data() + (batch_group * geometry.outputs + channel) * out_plane;
      const double* kernel = w.data() + (filter * geometry.outputs + channel) * taps;
      for_each_row(axes, {axes[0].input, axes[1].input}, {axes[0].output, axes[1].output},
                   [&](std::int64_t kernel_row, std::int64_t in_row, std::int64_t out_row) {
                     for (std::int64_t k = 0; k < row.kernel; ++k) {
                       const Range range = valid_positions(row, k, row.input, row.output);
                       const std::int64_t start = range.first * row.stride + k * row.dilation - row.pad_begin;
                       if (range.first < range.last) {
                         scatter_row(sums + out_row * row.output + start, source + in_row * row.input + range.first,
                                     row.stride, range.last - range.first, kernel[kernel_row * row.kernel + k]);
                       }
                     }
                   });
    }
  }
  store(output, y);
}

std::vector<TensorType> infer_convolution(const Node& node, std::span<const InputInfo> inputs, bool grouped) {
  const Shape& data = inputs[0].type.shape;
  const Shape& weights = inputs[1].type.shape;
  const Parts parts = split_parts(data, weights, grouped);
  check_channels(data, parts.groups, weights[parts.weight_lead + 1]);
  const auto windows = convolution_windows(node.attrs<ConvolutionAttributes>(), parts.input, parts.kernel);
  return {output_type(inputs[0], multiply_extents(parts.groups, weights[parts.weight_lead]), windows)};
}

std::vector<TensorType> infer_deconvolution(const Node& node, std::span<const InputInfo> inputs, bool grouped) {
  const Shape& data = inputs[0].type.shape;
  const Shape& weights = inputs[1].type.shape;
  const Parts parts = split_parts(data, weights, grouped);
  check_channels(data, parts.groups, weights[parts.weight_lead]);
  std::vector<std::int64_t> output_shape;
  const bool given = has_input(node, inputs, 2);
  if (given) {
    output_shape = constant_ints(inputs[2], "output_shape");
  }
  const auto windows = deconvolution_windows(node.attrs<DeconvolutionAttributes>(), parts.input, parts.kernel,
                                             given ? &output_shape : nullptr);
  return {output_type(inputs[0], multiply_extents(parts.groups, weights[parts.weight_lead + 1]), windows)};
}

void reference_convolution(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output,
                           bool grouped) {
  const Shape& weights = inputs[1].shape();
  const Parts parts = split_parts(inputs[0].shape(), weights, grouped);
  convolve({.batch = inputs[0].shape()[0],
            .groups = parts.groups,
            .inputs = weights[parts.weight_lead + 1],
            .outputs = weights[parts.weight_lead],
            .windows = convolution_windows(node.attrs<ConvolutionAttributes>(), parts.input, parts.kernel)},
           inputs[0], inputs[1], output);
}

void reference_deconvolution(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output,
                             bool grouped) {
  const Shape& weights = inputs[1].shape();
  const Parts parts = split_parts(inputs[0].shape(), weights, grouped);
  // The output's type is inferred already: its spatial extents are the ones the third input asked for.
  const std::vector<std::int64_t> asked(output.shape().begin() + 2, output.shape().end());
  convolve_transposed({.batch = inputs[0].shape()[0],
                       .groups = parts.groups,
                       .inputs = weights[parts.weight_lead],
                       .outputs = weights[parts.weight_lead + 1],
                       .windows = deconvolution_windows(node.attrs<DeconvolutionAttributes>(), parts.input,
                                                        parts.kernel, has_input(inputs, 2) ? &asked : nullptr)},
                      inputs[0], inputs[1], output);
}

}  // namespace fovea::ops
