// GatherND: slices of the data, named by the leading coordinates in the last axis of indices, after batch_dims shared
// axes; opset 5 merges those in the output.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/gather-nd-8.html

#include <cstring>

#include "engine/ops/indices.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t batch_dims = 0;
  int opset = 8;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("batch_dims", batch_dims);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  check_rank(indices, 1, 16, "indices");
  check_static({indices.back()}, "the last axis of the indices");
  const auto most = static_cast<std::int64_t>(std::min(data.size(), indices.size() - 1));
  check_range(attributes.batch_dims, 0, most, "batch_dims");
  const auto batch = static_cast<std::ptrdiff_t>(attributes.batch_dims);
  check_range(indices.back(), 0, static_cast<std::int64_t>(data.size()) - batch, "the last extent of the indices");
  if (!std::equal(data.begin(), data.begin() + batch, indices.begin(), extents_agree)) {
    fail(ErrorCode::kInvalidModel, "data {} and indices {} differ in the first {} axes", to_string(data),
         to_string(indices), batch);
  }
  Shape shape(indices.begin(), indices.begin() + batch);
  if (attributes.opset < 8 && batch > 0) {
    check_static(shape, "the indices' batch");
    shape = {static_cast<std::int64_t>(count_between(indices, 0, static_cast<std::size_t>(batch)))};
  }
  shape.insert(shape.end(), indices.begin() + batch, indices.end() - 1);
  shape.insert(shape.end(), data.begin() + batch + static_cast<std::ptrdiff_t>(indices.back()), data.end());
  return {{inputs[0].type.data_type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto batch = static_cast<std::size_t>(node.attrs<Attributes>().batch_dims);
  const Shape& shape = inputs[0].shape();
  const Shape& index_shape = inputs[1].shape();
  const auto depth = static_cast<std::size_t>(index_shape.back());
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t batches = count_between(shape, 0, batch);
  const std::size_t picks = count_between(index_shape, batch, index_shape.size() - 1);
  const std::size_t per_batch = count_between(shape, batch, batch + depth);
  const std::size_t bytes = count_between(shape, batch + depth, shape.size()) * size_of(outputs[0].type.data_type);
  for (std::size_t i = 0; i < batches * picks; ++i) {
    const std::size_t slice = slice_number(std::span(indices).subspan(i * depth, depth), shape, batch);
    std::memcpy(outputs[0].bytes + i * bytes, inputs[0].bytes + (i / picks * per_batch + slice) * bytes, bytes);
  }
}

}  // namespace

extern const OpDef gather_nd;
const OpDef gather_nd{
    .name = "GatherND",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "gather-nd-8.html",
    .inputs = {2, 2},
    .openvino = {.type = "GatherND", .versions = {5, 8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
