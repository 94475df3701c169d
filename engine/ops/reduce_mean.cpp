// ReduceMean: the mean over the given axes; integers truncate toward zero.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/reduce-mean-1.html

#include "engine/ops/binary.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/reduce.hpp"

namespace fovea::ops {
namespace {

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  reduce(
      inputs, outputs[0],
      {.initial = 0,
       .step = [](double sum, double x) { return sum + x; },
       .finish = [](double sum, std::int64_t count) { return sum / static_cast<double>(count); }},
      {.initial = 0, .step = [](std::int64_t sum, std::int64_t x) { return wrap_add(sum, x); }, .finish = safe_divide});
}

}  // namespace

extern const OpDef reduce_mean;
const OpDef reduce_mean{
    .name = "ReduceMean",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/reduction/"
        "reduce-mean-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "ReduceMean", .versions = {1}},
    .attributes = attributes_of<ReduceAttributes>(),
    .infer = infer_reduce,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
