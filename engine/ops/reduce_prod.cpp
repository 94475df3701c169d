// ReduceProd: the product over the given axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-prod-1.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(inputs, outputs[0], {.initial = 1, .step = [](double sum, double x) { return sum * x; }},
         {.initial = 1, .step = [](std::int64_t sum, std::int64_t x) { return wrap_multiply(sum, x); }});
}

}  // namespace

extern const OpDef reduce_prod;
const OpDef reduce_prod{
    .name = "ReduceProd",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-prod-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceProd", .versions = {1}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
