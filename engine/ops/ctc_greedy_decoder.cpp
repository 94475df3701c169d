// CTCGreedyDecoder: best class of every time step of data [T,N,C], without blanks (class C-1) and repetitions, as
// [N,T,1,1] filled up with -1. A sequence ends where its mask [T,N] is 0.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/ctc-greedy-decoder-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool merge_repeated = true;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("merge_repeated/ctc_merge_repeated", merge_repeated);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& /*node*/, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& mask = inputs[1].type.shape;
  check_rank(data, 3, 3, "data");
  check_rank(mask, 2, 2, "mask");
  if (!extents_agree(data[0], mask[0]) || !extents_agree(data[1], mask[1])) {
    fail(ErrorCode::kInvalidModel, "mask is {}, expected the first two extents of data {}", to_string(mask),
         to_string(data));
  }
  return {{inputs[0].type.data_type, {data[1], data[0], 1, 1}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const bool merge = node.attrs<Attributes>().merge_repeated;
  const Shape& shape = inputs[0].shape();
  const std::int64_t blank = shape[2] - 1;
  const std::vector<double> data = to_doubles(inputs[0]);
  const std::vector<double> mask = to_doubles(inputs[1]);
  std::vector<double> result(element_count(outputs[0].shape()), -1.0);
  for (std::int64_t n = 0; n < shape[1]; ++n) {
    std::int64_t previous = -1;
    auto target = result.begin() + n * shape[0];
    for (std::int64_t t = 0; t < shape[0] && mask[static_cast<std::size_t>(t * shape[1] + n)] != 0; ++t) {
      const auto scores = data.begin() + (t * shape[1] + n) * shape[2];
      const std::int64_t best = std::max_element(scores, scores + shape[2]) - scores;
      if (best != blank && !(merge && best == previous)) {
        *target++ = static_cast<double>(best);
      }
      previous = best;
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef ctc_greedy_decoder;
const OpDef ctc_greedy_decoder{
    .name = "CTCGreedyDecoder",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "ctc-greedy-decoder-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "CTCGreedyDecoder", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
