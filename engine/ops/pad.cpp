// Pad: adds elements before and after every axis: a constant (fourth input, else 0), the edge element, or a mirror
// image; negative pads cut off.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/pad-12.html

#include <cstring>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class PadMode : std::uint8_t { kConstant, kEdge, kReflect, kSymmetric };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::PadMode> {
  static constexpr std::array kNames = {
      std::pair{"constant", ops::PadMode::kConstant}, std::pair{"edge", ops::PadMode::kEdge},
      std::pair{"reflect", ops::PadMode::kReflect}, std::pair{"symmetric", ops::PadMode::kSymmetric}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  PadMode pad_mode = PadMode::kConstant;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("pad_mode", pad_mode);
  }
  bool operator==(const Attributes&) const = default;
};

/// Largest pad an axis allows.
std::int64_t largest_pad(PadMode mode, std::int64_t extent) {
  switch (mode) {
    case PadMode::kReflect:
      return extent - 1;
    case PadMode::kSymmetric:
      return extent;
    case PadMode::kEdge:
      return extent == 0 ? 0 : kMaxAttribute;
    case PadMode::kConstant:
      break;
  }
  return kMaxAttribute;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const PadMode mode = node.attrs<Attributes>().pad_mode;
  Shape shape = inputs[0].type.shape;
  const std::vector<std::int64_t> begin = constant_ints(inputs[1], "pads_begin");
  const std::vector<std::int64_t> end = constant_ints(inputs[2], "pads_end");
  if (begin.size() != shape.size() || end.size() != shape.size()) {
    fail(ErrorCode::kInvalidModel, "pads_begin and pads_end have {} and {} values, expected {}", begin.size(),
         end.size(), shape.size());
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t extent = shape[i];
    const std::int64_t most = extent == kDynamic ? kMaxAttribute : std::max<std::int64_t>(largest_pad(mode, extent), 0);
    check_range(begin[i], -kMaxAttribute, most, "pads_begin");
    check_range(end[i], -kMaxAttribute, most, "pads_end");
    if (extent != kDynamic) {
      shape[i] = extent + begin[i] + end[i];
      if (shape[i] < 0) {
        fail(ErrorCode::kInvalidModel, "pads {} and {} leave nothing of an axis of {}", begin[i], end[i], extent);
      }
    }
  }
  if (has_input(node, inputs, 3)) {
    check_same_type(inputs[0], inputs[3]);
    if (is_static(inputs[3].type.shape) && element_count(inputs[3].type.shape) != 1) {
      fail(ErrorCode::kInvalidModel, "pad value is {}, expected a single value", to_string(inputs[3].type));
    }
  }
  return {{inputs[0].type.data_type, shape}};
}

/// Input position for a position outside [0, extent), or -1 for the constant.
std::int64_t source_position(PadMode mode, std::int64_t position, std::int64_t extent) {
  if (position >= 0 && position < extent) {
    return position;
  }
  switch (mode) {
    case PadMode::kConstant:
      return -1;
    case PadMode::kEdge:
      return position < 0 ? 0 : extent - 1;
    case PadMode::kReflect:
      return position < 0 ? -position : 2 * (extent - 1) - position;
    case PadMode::kSymmetric:
      return position < 0 ? -position - 1 : 2 * extent - 1 - position;
  }
  return -1;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const PadMode mode = node.attrs<Attributes>().pad_mode;
  const Shape& shape = inputs[0].shape();
  const Shape strides = row_major_strides(shape);
  const std::vector<std::int64_t> begin = to_ints(inputs[1]);
  const std::size_t size = size_of(outputs[0].type.data_type);
  const std::size_t bytes = byte_size(outputs[0].type);
  std::memset(outputs[0].bytes, 0, bytes);
  if (has_input(inputs, 3)) {
    for (std::size_t i = 0; i < bytes; i += size) {
      std::memcpy(outputs[0].bytes + i, inputs[3].bytes, size);
    }
  }
  move_elements(inputs[0], outputs[0], [&](const Shape& index) {
    std::int64_t flat = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::int64_t position = source_position(mode, index[i] - begin[i], shape[i]);
      if (position < 0) {
        return std::int64_t{-1};
      }
      flat += position * strides[i];
    }
    return flat;
  });
}

}  // namespace

extern const OpDef pad;
const OpDef pad{
    .name = "Pad",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "pad-12.html",
    .inputs = {3, 4},
    .openvino = {.type = "Pad", .versions = {1, 12}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
