// GridSample: data [N,C,H,W] sampled at grid [N,H',W',2], whose (x, y) run from -1 to 1 over the data's width and
// height.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/grid-sample-9.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class SampleMode : std::uint8_t { kBilinear, kBicubic, kNearest };
enum class SamplePadding : std::uint8_t { kZeros, kBorder, kReflection };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::SampleMode> {
  static constexpr std::array kNames = {std::pair{"bilinear", ops::SampleMode::kBilinear},
                                        std::pair{"bicubic", ops::SampleMode::kBicubic},
                                        std::pair{"nearest", ops::SampleMode::kNearest}};
};
template <>
struct EnumNames<ops::SamplePadding> {
  static constexpr std::array kNames = {std::pair{"zeros", ops::SamplePadding::kZeros},
                                        std::pair{"border", ops::SamplePadding::kBorder},
                                        std::pair{"reflection", ops::SamplePadding::kReflection}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  bool align_corners = false;
  SampleMode mode = SampleMode::kBilinear;
  SamplePadding padding_mode = SamplePadding::kZeros;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("align_corners", align_corners);
    visit("mode", mode);
    visit("padding_mode", padding_mode);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& grid = inputs[1].type.shape;
  check_rank(data, 4, 4, "data");
  check_rank(grid, 4, 4, "grid");
  if (!extents_agree(grid[3], 2) || !extents_agree(grid[0], data[0])) {
    fail(ErrorCode::kInvalidModel, "grid is {}, expected [{},H,W,2]", to_string(grid), data[0]);
  }
  for (std::size_t i = 2; i < 4; ++i) {
    check_range(data[i] == kDynamic ? 1 : data[i], 1, kMaxAttribute, "a spatial extent of the data");
  }
  return {{inputs[0].type.data_type, {data[0], data[1], grid[1], grid[2]}}};
}

/// Reflected at both ends as often as needed.
double reflect(double x, double low, double high) {
  const double span = high - low;
  if (span <= 0) {
    return low;
  }
  const double folded = std::fmod(std::abs(x - low), 2 * span);
  return low + (folded > span ? 2 * span - folded : folded);
}

/// One axis: elements with weights; an index of -1 stands for zero.
struct Tap {
  std::int64_t index = -1;
  double weight = 0;
};

std::int64_t resolve_index(const Attributes& attributes, double index, std::int64_t extent) {
  const auto last = static_cast<double>(extent - 1);
  switch (attributes.padding_mode) {
    case SamplePadding::kZeros:
      return index < 0 || index > last ? -1 : static_cast<std::int64_t>(index);
    case SamplePadding::kBorder:
      return static_cast<std::int64_t>(std::clamp(index, 0.0, last));
    case SamplePadding::kReflection: {
      const double folded =
          attributes.align_corners ? reflect(index, 0, last) : reflect(index, -0.5, static_cast<double>(extent) - 0.5);
      return static_cast<std::int64_t>(std::clamp(folded, 0.0, last));
    }
  }
  return -1;
}

std::vector<Tap> taps(const Attributes& attributes, double position, std::int64_t extent) {
  const auto size = static_cast<double>(extent);
  const double x = attributes.align_corners ? (position + 1) / 2 * (size - 1) : ((position + 1) * size - 1) / 2;
  if (!(std::abs(x) < 1e15)) {
    return {};  // beyond what indices can express, or not a number: outside
  }
  if (attributes.mode == SampleMode::kNearest) {
    return {{resolve_index(attributes, std::nearbyint(x), extent), 1.0}};
  }
  const double low = std::floor(x);
  const double part = x - low;
  if (attributes.mode == SampleMode::kBilinear) {
    return {{resolve_index(attributes, low, extent), 1 - part}, {resolve_index(attributes, low + 1, extent), part}};
  }
  constexpr double kCoefficient = -0.75;
  std::vector<Tap> result;
  for (int i = -1; i <= 2; ++i) {
    const double d = std::abs(part - i);
    const double near = ((kCoefficient + 2) * d - (kCoefficient + 3)) * d * d + 1;
    const double far = ((kCoefficient * d - 5 * kCoefficient) * d + 8 * kCoefficient) * d - 4 * kCoefficient;
    result.push_back({resolve_index(attributes, low + i, extent), d <= 1 ? near : far});
  }
  return result;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& shape = inputs[0].shape();
  const std::vector<double> data = to_doubles(inputs[0]);
  const std::vector<double> grid = to_doubles(inputs[1]);
  const std::size_t points = count_between(outputs[0].shape(), 2, 4);
  const auto plane = static_cast<std::size_t>(shape[2] * shape[3]);
  const auto channels = static_cast<std::size_t>(shape[1]);
  std::vector<double> result(element_count(outputs[0].shape()), 0.0);
  for (std::size_t i = 0; i < grid.size() / 2; ++i) {
    const std::vector<Tap> columns = taps(attributes, grid[2 * i], shape[3]);
    const std::vector<Tap> rows = taps(attributes, grid[2 * i + 1], shape[2]);
    const std::size_t batch = i / points;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const double* source = data.data() + (batch * channels + channel) * plane;
      double sum = 0;
      for (const Tap& row : rows) {
        for (const Tap& column : columns) {
          if (row.index >= 0 && column.index >= 0) {
            sum += row.weight * column.weight * source[row.index * shape[3] + column.index];
          }
        }
      }
      result[(batch * channels + channel) * points + i % points] = sum;
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef grid_sample;
const OpDef grid_sample{
    .name = "GridSample",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/image/"
        "grid-sample-9.html",
    .inputs = {2, 2},
    .openvino = {.type = "GridSample", .versions = {9}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
