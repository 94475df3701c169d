// ONNX operators on signals: Fourier transforms as products with constant matrices, windows, mel weights.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

constexpr std::int64_t kMaxMatrix = 1 << 22;  // elements of a constant matrix; a transform of 2048 points
constexpr std::int64_t kMaxWindow = 1 << 20;  // values of a window, and of places that frames take

/// Cosines and sines of a transform: [rows, bins], rows beyond `length` are 0.
struct FourierMatrices {
  ValueId cosine = kNone;
  ValueId sine = kNone;
};

FourierMatrices fourier_matrices(NodeContext& node, std::int64_t rows, std::int64_t length, std::int64_t bins,
                                 bool inverse) {
  if (rows < 1 || length < 1 || rows > kMaxMatrix || bins > kMaxMatrix || rows * bins > kMaxMatrix) {
    node.unsupported(fmt::format("transforms {} values into {}", rows, bins));
  }
  std::vector<float> cosine(static_cast<std::size_t>(rows * bins), 0.0F);
  std::vector<float> sine(cosine.size(), 0.0F);
  const double scale = inverse ? 1.0 / static_cast<double>(length) : 1.0;
  const double sign = inverse ? 1.0 : -1.0;
  for (std::int64_t row = 0; row < std::min(rows, length); ++row) {
    for (std::int64_t bin = 0; bin < bins; ++bin) {
      const double turn = static_cast<double>(row * bin % length) / static_cast<double>(length);
      const auto at = static_cast<std::size_t>(row * bins + bin);
      cosine[at] = static_cast<float>(scale * std::cos(2 * std::numbers::pi * turn));
      sine[at] = static_cast<float>(sign * scale * std::sin(2 * std::numbers::pi * turn));
    }
  }
  const auto matrix = [&](const std::vector<float>& values) {
    return node.constant(Tensor::of<float>({rows, bins}, values));
  };
  return {matrix(cosine), matrix(sine)};
}

/// Real and imaginary part of the transform along the last axis, in a new last axis.
/// \param imaginary  kNone for real signals.
ValueId transform(NodeContext& node, ValueId real, ValueId imaginary, const FourierMatrices& matrices) {
  const auto product = [&](ValueId x, ValueId matrix) { return node.add("MatMul", {x, matrix}); };
  ValueId out_real = product(real, matrices.cosine);
  ValueId out_imaginary = product(real, matrices.sine);
  if (imaginary != kNone) {
    out_real = node.add("Subtract", {out_real, product(imaginary, matrices.sine)});
    out_imaginary = node.add("Add", {out_imaginary, product(imaginary, matrices.cosine)});
  }
  const auto axis = static_cast<std::int64_t>(node.rank(out_real));
  return node.add("Concat", {node.unsqueeze(out_real, {axis}), node.unsqueeze(out_imaginary, {axis})},
                  {{"axis", axis}});
}

/// Part 0 or 1 of a signal whose last axis holds real and imaginary values.
ValueId part_of(NodeContext& node, ValueId x, std::int64_t part) {
  return node.add("Gather", {x, node.integer_scalar(part), node.integer_scalar(-1)});
}

/// Order of axes that brings `axis` to the end, and back.
std::vector<std::int64_t> to_end(std::size_t rank, std::int64_t axis, std::size_t kept) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(rank - kept); ++i) {
    if (i != axis) {
      order.push_back(i);
    }
  }
  order.push_back(axis);
  for (std::size_t i = rank - kept; i < rank; ++i) {
    order.push_back(static_cast<std::int64_t>(i));
  }
  return order;
}

std::vector<std::int64_t> inverse_order(const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  }
  return inverse;
}

/// A window function of `size` values as a constant of the type asked for.
Values window(NodeContext& node, const std::function<double(double)>& formula) {
  const std::int64_t size = node.constant_integer(0, "size");
  if (size < 1 || size > kMaxWindow) {
    node.unsupported(fmt::format("makes a window of {} values", size));
  }
  const bool periodic = node.flag("periodic", true);
  const double period = static_cast<double>(periodic ? size : size - 1);
  std::vector<double> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = formula(2 * std::numbers::pi * static_cast<double>(i) / period);
  }
  const DataType type = node.has_attribute("output_datatype") ? node.attribute_type("output_datatype") : DataType::kF32;
  return {node.constant(Tensor::of<double>({size}, values).cast(type))};
}

double hertz_to_mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double mel_to_hertz(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

}  // namespace

Values convert_dft(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::size_t rank = node.rank(x);
  const Shape shape = node.shape(x);
  if (rank < 2 || !is_static(shape) || shape.back() < 1 || shape.back() > 2) {
    node.unsupported(
        fmt::format("has a signal of {}, expected known extents and 1 or 2 as the last", to_string(shape)));
  }
  const std::int64_t axis = node.normal_axis(node.integer("axis", 1), rank);
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  const std::int64_t length = node.has_input(1) ? node.constant_integer(1, "dft_length") : extent;
  const bool onesided = node.flag("onesided", false);
  const FourierMatrices matrices =
      fourier_matrices(node, extent, length, onesided ? length / 2 + 1 : length, node.flag("inverse", false));
  // Real and imaginary parts lose the last axis; the transformed one goes to the end.
  const std::vector<std::int64_t> order = to_end(rank - 1, axis, 0);
  const auto part = [&](std::int64_t i) { return node.transpose(part_of(node, x, i), order); };
  const ValueId result = transform(node, part(0), shape.back() == 2 ? part(1) : kNone, matrices);
  return {node.transpose(result, inverse_order(to_end(rank, axis, 1)))};
}

Values convert_stft(NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape shape = node.shape(x);
  if (shape.size() < 2 || shape.size() > 3 || !is_static(shape)) {
    node.unsupported(fmt::format("has a signal of {}, expected known extents", to_string(shape)));
  }
  const std::int64_t step = node.constant_integer(1, "frame_step");
  const std::int64_t length = node.has_input(3)   ? node.constant_integer(3, "frame_length")
                              : node.has_input(2) ? static_cast<std::int64_t>(element_count(node.shape(node.input(2))))
                                                  : shape[1];
  if (step < 1 || length < 1 || length > shape[1] || length > kMaxMatrix) {
    node.invalid(fmt::format("has frames of {} values every {}, the signal has {}", length, step, shape[1]));
  }
  const std::int64_t frames = 1 + (shape[1] - length) / step;
  std::vector<std::int64_t> places;
  if (frames > kMaxWindow || frames * length > kMaxWindow) {
    node.unsupported(fmt::format("has {} frames of {} values", frames, length));
  }
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    for (std::int64_t i = 0; i < length; ++i) {
      places.push_back(frame * step + i);
    }
  }
  const ValueId index = node.constant(Tensor::of<std::int64_t>({frames, length}, places));
  const bool onesided = node.flag("onesided", true);
  const FourierMatrices matrices = fourier_matrices(node, length, length, onesided ? length / 2 + 1 : length, false);
  const auto frames_of = [&](ValueId signal) {
    const ValueId cut = node.add("Gather", {signal, index, node.integer_scalar(1)});
    return node.has_input(2) ? node.add("Multiply", {cut, node.input(2)}) : cut;
  };
  const bool parts = shape.size() == 3;
  const ValueId real = frames_of(parts ? part_of(node, x, 0) : x);
  const ValueId imaginary = parts && shape[2] == 2 ? frames_of(part_of(node, x, 1)) : kNone;
  return {transform(node, real, imaginary, matrices)};
}

Values convert_hann_window(NodeContext& node) {
  return window(node, [](double x) { return 0.5 - 0.5 * std::cos(x); });
}

Values convert_hamming_window(NodeContext& node) {
  return window(node, [](double x) { return 25.0 / 46 - 21.0 / 46 * std::cos(x); });
}

Values convert_blackman_window(NodeContext& node) {
  return window(node, [](double x) { return 0.42 - 0.5 * std::cos(x) + 0.08 * std::cos(2 * x); });
}

Values convert_mel_weight_matrix(NodeContext& node) {
  const std::int64_t mel_bins = node.constant_integer(0, "num_mel_bins");
  const std::int64_t length = node.constant_integer(1, "dft_length");
  const double rate = node.constant_real(2, "sample_rate");
  const double low = hertz_to_mel(node.constant_real(3, "lower_edge_hertz"));
  const double high = hertz_to_mel(node.constant_real(4, "upper_edge_hertz"));
  const std::int64_t bins = length / 2 + 1;
  if (mel_bins < 1 || length < 1 || !(rate > 0) || !std::isfinite(low) || !std::isfinite(high) ||
      mel_bins > kMaxMatrix || bins > kMaxMatrix || mel_bins * bins > kMaxMatrix) {
    node.invalid(fmt::format("has {} mel bins, {} points and a sample rate of {}", mel_bins, length, rate));
  }
  // Edges of the triangles as bins of the transform.
  std::vector<std::int64_t> edges;
  for (std::int64_t i = 0; i < mel_bins + 2; ++i) {
    const double mel = low + static_cast<double>(i) * (high - low) / static_cast<double>(mel_bins + 2);
    const double bin = std::floor(static_cast<double>(length + 1) * mel_to_hertz(mel) / rate);
    edges.push_back(static_cast<std::int64_t>(std::clamp(bin, 0.0, static_cast<double>(bins - 1))));
  }
  std::vector<double> weights(static_cast<std::size_t>(bins * mel_bins), 0.0);
  for (std::int64_t i = 0; i < mel_bins; ++i) {
    const std::int64_t left = edges[static_cast<std::size_t>(i)];
    const std::int64_t top = edges[static_cast<std::size_t>(i) + 1];
    const std::int64_t right = edges[static_cast<std::size_t>(i) + 2];
    const auto at = [&](std::int64_t bin) -> double& { return weights[static_cast<std::size_t>(bin * mel_bins + i)]; };
    for (std::int64_t bin = left; bin <= top; ++bin) {
      at(bin) = left == top ? 1 : static_cast<double>(bin - left) / static_cast<double>(top - left);
    }
    for (std::int64_t bin = top; bin < right; ++bin) {
      at(bin) = static_cast<double>(right - bin) / static_cast<double>(right - top);
    }
  }
  const DataType type = node.has_attribute("output_datatype") ? node.attribute_type("output_datatype") : DataType::kF32;
  return {node.constant(Tensor::of<double>({bins, mel_bins}, weights).cast(type))};
}

}  // namespace fovea::onnx
