// ReduceLogicalAnd: whether all elements over the given axes are true.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-logical-and-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(inputs, outputs[0],
         {.initial = 1, .step = [](double sum, double x) { return sum != 0 && x != 0 ? 1.0 : 0.0; }},
         {.initial = 1,
          .step = [](std::int64_t sum, std::int64_t x) { return static_cast<std::int64_t>(sum != 0 && x != 0); }});
}

}  // namespace

extern const OpDef reduce_logical_and;
const OpDef reduce_logical_and{
    .name = "ReduceLogicalAnd",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-logical-and-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceLogicalAnd", .versions = {1}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
