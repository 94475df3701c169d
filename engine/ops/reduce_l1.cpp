// ReduceL1: the sum of absolute values over the given axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-l1-4.html

#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(inputs, outputs[0], {.initial = 0, .step = [](double sum, double x) { return sum + std::abs(x); }},
         {.initial = 0,
          .step = [](std::int64_t sum, std::int64_t x) { return wrap_add(sum, x < 0 ? wrap_subtract(0, x) : x); }});
}

}  // namespace

extern const OpDef reduce_l1;
const OpDef reduce_l1{
    .name = "ReduceL1",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-l1-4.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceL1", .versions = {4}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
