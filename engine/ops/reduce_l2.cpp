// ReduceL2: the square root of the sum of squares over the given axes.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-l2-4.html

#include <cmath>

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(inputs, outputs[0],
         {.initial = 0,
          .step = [](double sum, double x) { return sum + x * x; },
          .finish = [](double sum, std::int64_t /*count*/) { return std::sqrt(sum); }},
         {.initial = 0,
          .step = [](std::int64_t sum, std::int64_t x) { return wrap_add(sum, wrap_multiply(x, x)); },
          .finish =
              [](std::int64_t sum, std::int64_t /*count*/) {
                return static_cast<std::int64_t>(std::sqrt(static_cast<double>(sum)));
              }});
}

}  // namespace

extern const OpDef reduce_l2;
const OpDef reduce_l2{
    .name = "ReduceL2",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-l2-4.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceL2", .versions = {4}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
