// Broadcast: repeats the data to a target shape under numpy rules, in both directions (bidirectional), or with each
// data axis placed at the target axis the third input names (explicit).
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/broadcast-3.html

#include "engine/ops/elementwise.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class BroadcastMode : std::uint8_t { kNumpy, kExplicit, kBidirectional };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::BroadcastMode> {
  static constexpr std::array kNames = {std::pair{"numpy", ops::BroadcastMode::kNumpy},
                                        std::pair{"explicit", ops::BroadcastMode::kExplicit},
                                        std::pair{"bidirectional", ops::BroadcastMode::kBidirectional}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  BroadcastMode mode = BroadcastMode::kNumpy;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("mode", mode);
  }
  bool operator==(const Attributes&) const = default;
};

/// The data's shape with 1s at the target axes it does not have.
Shape place_axes(const Shape& data, const std::vector<std::int64_t>& mapping, std::size_t rank) {
  if (mapping.size() != data.size()) {
    fail(ErrorCode::kInvalidModel, "axes_mapping has {} values, expected one per axis of data {}", mapping.size(),
         to_string(data));
  }
  const std::vector<std::size_t> axes = normalize_axes(mapping, rank, "axes_mapping");
  Shape placed(rank, 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (i > 0 && axes[i] < axes[i - 1]) {
      fail(ErrorCode::kInvalidModel, "axes_mapping must ascend");
    }
    placed[axes[i]] = data[i];
  }
  return placed;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const BroadcastMode mode = node.attrs<Attributes>().mode;
  const Shape open = open_shape(inputs[1]);
  if (!open.empty() && (mode != BroadcastMode::kBidirectional || inputs[0].type.shape.size() <= open.size())) {
    return {{inputs[0].type.data_type, open}};
  }
  const Shape target = constant_ints(inputs[1], "target shape");
  for (const std::int64_t extent : target) {
    check_range(extent, 0, static_cast<std::int64_t>(kMaxTensorBytes), "target shape");
  }
  Shape data = inputs[0].type.shape;
  if (mode == BroadcastMode::kExplicit) {
    if (!has_input(node, inputs, 2)) {
      fail(ErrorCode::kInvalidModel, "axes_mapping is missing, mode explicit needs it");
    }
    data = place_axes(data, constant_ints(inputs[2], "axes_mapping"), target.size());
  }
  const Shape result = broadcast_shapes(data, target);
  if (mode != BroadcastMode::kBidirectional && result != target) {
    fail(ErrorCode::kInvalidModel, "data {} does not broadcast to {}", to_string(inputs[0].type.shape),
         to_string(target));
  }
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const bool placed = node.attrs<Attributes>().mode == BroadcastMode::kExplicit;
  const Shape& shape = outputs[0].shape();
  const Broadcast source(placed ? place_axes(inputs[0].shape(), to_ints(inputs[2]), shape.size()) : inputs[0].shape(),
                         shape);
  std::size_t i = 0;
  move_elements(inputs[0], outputs[0], [&](const Shape& /*index*/) { return static_cast<std::int64_t>(source(i++)); });
}

}  // namespace

extern const OpDef broadcast;
const OpDef broadcast{
    .name = "Broadcast",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "broadcast-3.html",
    .inputs = {2, 3},
    .openvino = {.type = "Broadcast", .versions = {1, 3}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
