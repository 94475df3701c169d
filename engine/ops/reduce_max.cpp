// ReduceMax: the largest element over the given axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-max-1.html

#include <algorithm>
#include <limits>

#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(inputs, outputs[0],
         {.initial = -std::numeric_limits<double>::infinity(),
          .step = [](double sum, double x) { return std::max(sum, x); }},
         {.initial = std::numeric_limits<std::int64_t>::min(),
          .step = [](std::int64_t sum, std::int64_t x) { return std::max(sum, x); }});
}

}  // namespace

extern const OpDef reduce_max;
const OpDef reduce_max{
    .name = "ReduceMax",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-max-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceMax", .versions = {1}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
