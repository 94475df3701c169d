// STFT: Fourier transforms of overlapping frames of a real signal [time] or [N,time]. Inputs: signal, window (centred
// in the frame where it is shorter), frame_size, frame_step. Of each frame the first half of the bins is kept.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/stft-15.html

#include <cmath>
#include <complex>
#include <numbers>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool transpose_frames = false;  ///< [..., bins, frames, 2] instead of [..., frames, bins, 2].

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("transpose_frames", transpose_frames);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const TensorType& signal = inputs[0].type;
  const Shape& window = inputs[1].type.shape;
  check_rank(signal.shape, 1, 2, "signal");
  check_rank(window, 1, 1, "window");
  check_same_type(inputs[0], inputs[1]);
  if (!is_float(signal.data_type)) {
    fail(ErrorCode::kInvalidModel, "the signal is {}, expected floats", to_string(signal));
  }
  std::int64_t frames = kDynamic;
  std::int64_t bins = kDynamic;
  if (inputs[2].value != nullptr) {
    const std::int64_t size = constant_int(inputs[2], "frame_size");
    check_range(size, 1, kMaxAttribute, "frame_size");
    const std::int64_t length = signal.shape.back();
    if (window[0] > size || (length != kDynamic && size > length)) {
      fail(ErrorCode::kInvalidModel, "frame_size is {}, expected at least the window's {} and at most the signal's {}",
           size, window[0], length);
    }
    bins = size / 2 + 1;
    if (inputs[3].value != nullptr) {
      const std::int64_t step = constant_int(inputs[3], "frame_step");
      check_range(step, 1, kMaxAttribute, "frame_step");
      frames = length == kDynamic ? kDynamic : (length - size) / step + 1;
    }
  }
  Shape shape(signal.shape.begin(), signal.shape.end() - 1);
  const bool transposed = node.attrs<Attributes>().transpose_frames;
  shape.insert(shape.end(), {transposed ? bins : frames, transposed ? frames : bins, 2});
  return {{signal.data_type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<double> signal = to_doubles(inputs[0]);
  const std::vector<double> window = to_doubles(inputs[1]);
  const auto size = static_cast<std::size_t>(to_ints(inputs[2]).at(0));
  const auto step = static_cast<std::size_t>(to_ints(inputs[3]).at(0));
  const auto length = static_cast<std::size_t>(inputs[0].shape().back());
  const std::size_t batch = length == 0 ? 0 : signal.size() / length;
  const std::size_t bins = size / 2 + 1;
  const std::size_t frames = (length - size) / step + 1;
  const std::size_t lead = (size - window.size()) / 2;
  std::vector<std::complex<double>> turns(size);
  for (std::size_t i = 0; i < size; ++i) {
    turns[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(size));
  }
  const bool transposed = node.attrs<Attributes>().transpose_frames;
  std::vector<double> values(batch * frames * bins * 2);
  for (std::size_t row = 0; row < batch * frames; ++row) {
    const std::size_t frame = row % frames;
    const double* begin = signal.data() + row / frames * length + frame * step + lead;
    for (std::size_t bin = 0; bin < bins; ++bin) {
      std::complex<double> sum = 0;
      for (std::size_t i = 0; i < window.size(); ++i) {
        sum += begin[i] * window[i] * turns[(lead + i) * bin % size];
      }
      const std::size_t at = transposed ? (row / frames * bins + bin) * frames + frame : row * bins + bin;
      values[2 * at] = sum.real();
      values[2 * at + 1] = sum.imag();
    }
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef stft;
const OpDef stft{
    .name = "STFT",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/signals/"
        "stft-15.html",
    .inputs = {4, 4},
    .openvino = {.type = "STFT", .versions = {15}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
