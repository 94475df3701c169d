// GatherTree: whole beams from the ids [T,B,W] of each step and the beam each came from; behind a beam's end, and
// behind its first end token, stands the end token (input 3). Input 2: length of each sequence.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/gather-tree-1.html

#include <algorithm>

#include "engine/ops/indices.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& ids = inputs[0].type.shape;
  check_rank(ids, 3, 3, "step ids");
  check_rank(inputs[1].type.shape, 3, 3, "parent beams");
  check_rank(inputs[2].type.shape, 1, 1, "sequence lengths");
  check_same_type(inputs[0], inputs[1]);
  for (std::size_t i = 0; i < 3; ++i) {
    if (!extents_agree(ids[i], inputs[1].type.shape[i])) {
      fail(ErrorCode::kInvalidModel, "step ids {} and parent beams {} differ", to_string(ids),
           to_string(inputs[1].type.shape));
    }
  }
  if (!extents_agree(ids[1], inputs[2].type.shape[0])) {
    fail(ErrorCode::kInvalidModel, "there are {} lengths for a batch of {}", inputs[2].type.shape[0], ids[1]);
  }
  if (is_static(inputs[3].type.shape) && element_count(inputs[3].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "the end token is {}, expected a single value", to_string(inputs[3].type));
  }
  return {inputs[0].type};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  const std::vector<std::int64_t> ids = to_ints(inputs[0]);
  const std::vector<std::int64_t> parents = to_ints(inputs[1]);
  const std::vector<std::int64_t> lengths = to_ints(inputs[2]);
  const std::int64_t end = to_ints(inputs[3])[0];
  const auto beams = static_cast<std::size_t>(shape[2]);
  const auto at = [&](std::int64_t step, std::int64_t batch, std::size_t beam) {
    return static_cast<std::size_t>(step * shape[1] + batch) * beams + beam;
  };
  std::vector<std::int64_t> result(ids.size(), end);
  for (std::int64_t batch = 0; batch < shape[1]; ++batch) {
    const std::int64_t length = std::min(shape[0], lengths[static_cast<std::size_t>(batch)]);
    for (std::size_t beam = 0; beam < beams; ++beam) {
      std::size_t source = beam;
      for (std::int64_t step = length; step-- > 0;) {
        result[at(step, batch, beam)] = ids[at(step, batch, source)];
        source = step > 0 ? place(parents[at(step, batch, source)], beams) : source;
      }
      bool finished = false;
      for (std::int64_t step = 0; step < length; ++step) {
        std::int64_t& id = result[at(step, batch, beam)];
        id = finished ? end : id;
        finished = finished || id == end;
      }
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef gather_tree;
const OpDef gather_tree{
    .name = "GatherTree",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "gather-tree-1.html",
    .inputs = {4, 4},
    .openvino = {.type = "GatherTree", .versions = {1}},
    .attributes = {},
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
