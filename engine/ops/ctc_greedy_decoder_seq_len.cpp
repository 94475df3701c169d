// CTCGreedyDecoderSeqLen: best class of every time step of data [N,T,C] up to each sequence's length, without blanks
// and repetitions, as [N,T] filled up with -1, and the number of classes left. The blank is the third input, else C-1.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/ctc-greedy-decoder-seq-len-6.html

#include <algorithm>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool merge_repeated = true;
  DataType classes_index_type = DataType::kI32;
  DataType sequence_length_type = DataType::kI32;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("merge_repeated", merge_repeated);
    visit("classes_index_type", classes_index_type);
    visit("sequence_length_type", sequence_length_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& data = inputs[0].type.shape;
  const Shape& lengths = inputs[1].type.shape;
  check_rank(data, 3, 3, "data");
  check_rank(lengths, 1, 1, "sequence lengths");
  check_index_type(attributes.classes_index_type, "classes_index_type");
  check_index_type(attributes.sequence_length_type, "sequence_length_type");
  if (!extents_agree(data[0], lengths[0])) {
    fail(ErrorCode::kInvalidModel, "sequence lengths are {}, expected {} of them", to_string(lengths), data[0]);
  }
  if (has_input(node, inputs, 2) && is_static(inputs[2].type.shape) && element_count(inputs[2].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "blank is {}, expected a single value", to_string(inputs[2].type));
  }
  return {{attributes.classes_index_type, {data[0], data[1]}}, {attributes.sequence_length_type, {data[0]}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const bool merge = node.attrs<Attributes>().merge_repeated;
  const Shape& shape = inputs[0].shape();
  const std::int64_t blank = has_input(inputs, 2) ? to_ints(inputs[2]).at(0) : shape[2] - 1;
  const std::vector<double> data = to_doubles(inputs[0]);
  const std::vector<std::int64_t> lengths = to_ints(inputs[1]);
  std::vector<std::int64_t> classes(element_count(outputs[0].shape()), -1);
  std::vector<std::int64_t> counts;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    std::int64_t previous = -1;
    const auto start = classes.begin() + n * shape[1];
    auto target = start;
    const std::int64_t length = std::clamp<std::int64_t>(lengths[static_cast<std::size_t>(n)], 0, shape[1]);
    for (std::int64_t t = 0; t < length; ++t) {
      const auto scores = data.begin() + (n * shape[1] + t) * shape[2];
      const std::int64_t best = std::max_element(scores, scores + shape[2]) - scores;
      if (best != blank && !(merge && best == previous)) {
        *target++ = best;
      }
      previous = best;
    }
    counts.push_back(target - start);
  }
  store(outputs[0], classes);
  store(outputs[1], counts);
}

}  // namespace

extern const OpDef ctc_greedy_decoder_seq_len;
const OpDef ctc_greedy_decoder_seq_len{
    .name = "CTCGreedyDecoderSeqLen",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "ctc-greedy-decoder-seq-len-6.html",
    .inputs = {2, 3},
    .openvino = {.type = "CTCGreedyDecoderSeqLen", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
