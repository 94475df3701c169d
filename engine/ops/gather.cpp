// Gather: slices of the data along one axis, in the order the indices name them. Indices count from the end when
// negative (opset 8); what lies outside the axis gives zeros.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/gather-8.html

#include <cstring>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t batch_dims = 0;  ///< Leading axes that data and indices share; negative counts from the indices' end.
  int opset = 8;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("batch_dims", batch_dims);
  }
  bool operator==(const Attributes&) const = default;
};

struct Axes {
  std::size_t batch = 0;
  std::size_t axis = 0;
};

Axes read_axes(const Attributes& attributes, const Shape& data, const Shape& indices, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(indices.size());
  const std::int64_t batch = attributes.batch_dims + (attributes.batch_dims < 0 ? rank : 0);
  const Axes axes{.batch = static_cast<std::size_t>(batch), .axis = normalize_axis(axis, data.size())};
  if (batch < 0 || batch > rank || axes.batch > axes.axis) {
    fail(ErrorCode::kInvalidModel, "batch_dims is {}, expected at most the axis {} and the rank {} of the indices",
         attributes.batch_dims, axes.axis, rank);
  }
  return axes;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& data = inputs[0].type.shape;
  const Shape& indices = inputs[1].type.shape;
  const Axes axes = read_axes(node.attrs<Attributes>(), data, indices, constant_int(inputs[2], "axis"));
  for (std::size_t i = 0; i < axes.batch; ++i) {
    if (!extents_agree(data[i], indices[i])) {
      fail(ErrorCode::kInvalidModel, "data {} and indices {} differ along batch axis {}", to_string(data),
           to_string(indices), i);
    }
  }
  const auto split = data.begin() + static_cast<std::ptrdiff_t>(axes.axis);
  Shape result(data.begin(), split);
  result.insert(result.end(), indices.begin() + static_cast<std::ptrdiff_t>(axes.batch), indices.end());
  result.insert(result.end(), split + 1, data.end());
  return {{inputs[0].type.data_type, result}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& data = inputs[0].shape();
  const Shape& index_shape = inputs[1].shape();
  const Axes axes = read_axes(attributes, data, index_shape, to_ints(inputs[2]).at(0));
  const std::vector<std::int64_t> indices = to_ints(inputs[1]);
  const std::size_t batches = count_between(data, 0, axes.batch);
  const std::size_t outer = count_between(data, axes.batch, axes.axis);
  const std::size_t picks = count_between(index_shape, axes.batch, index_shape.size());
  const AxisView view = view_axis(data, axes.axis);
  const std::size_t bytes = view.inner * size_of(inputs[0].type.data_type);
  std::byte* target = outputs[0].bytes;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    for (std::size_t i = 0; i < outer; ++i) {
      for (std::size_t pick = 0; pick < picks; ++pick, target += bytes) {
        std::int64_t index = indices[batch * picks + pick];
        index += index < 0 && attributes.opset >= 8 ? data[axes.axis] : 0;
        if (index < 0 || index >= data[axes.axis]) {
          std::memset(target, 0, bytes);
        } else {
          const std::size_t slice = (batch * outer + i) * view.extent + static_cast<std::size_t>(index);
          std::memcpy(target, inputs[0].bytes + slice * bytes, bytes);
        }
      }
    }
  }
}

}  // namespace

extern const OpDef gather;
const OpDef gather{
    .name = "Gather",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "gather-8.html",
    .inputs = {3, 3},
    .openvino = {.type = "Gather", .versions = {1, 7, 8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
