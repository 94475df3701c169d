// ExperimentalDetectronTopKROIs: the regions [R,4] with the highest probabilities [R], best first; rows are filled with
// 0.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/experimental-detectron-top-krois-6.html

#include <algorithm>
#include <numeric>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t max_rois = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("max_rois", max_rois);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const std::int64_t rows = node.attrs<Attributes>().max_rois;
  check_range(rows, 0, kMaxAttribute, "max_rois");
  const Shape& regions = inputs[0].type.shape;
  const Shape& probabilities = inputs[1].type.shape;
  check_rank(regions, 2, 2, "regions");
  check_rank(probabilities, 1, 1, "probabilities");
  if (!extents_agree(regions[1], 4) || !extents_agree(regions[0], probabilities[0])) {
    fail(ErrorCode::kInvalidModel, "regions {} and probabilities {} do not fit, expected [R,4] and [R]",
         to_string(regions), to_string(probabilities));
  }
  return {{inputs[0].type.data_type, {rows, 4}}};
}

void reference(const Node& /*node*/, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const std::vector<double> regions = to_doubles(inputs[0]);
  const std::vector<double> probabilities = to_doubles(inputs[1]);
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  std::vector<double> result(element_count(outputs[0].shape()), 0);
  for (std::size_t i = 0; i < std::min(order.size(), result.size() / 4); ++i) {
    std::copy_n(regions.begin() + static_cast<std::ptrdiff_t>(order[i] * 4), 4,
                result.begin() + static_cast<std::ptrdiff_t>(i * 4));
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef experimental_detectron_topk_rois;
const OpDef experimental_detectron_topk_rois{
    .name = "ExperimentalDetectronTopKROIs",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/"
        "experimental-detectron-top-krois-6.html",
    .inputs = {2, 2},
    .openvino = {.type = "ExperimentalDetectronTopKROIs", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
