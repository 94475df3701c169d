// MaxPool: the largest element of each window; from opset 8 on also where it stands, counted from `axis` on.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/max-pool-8.html

#include <limits>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/pool.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<PoolAttributes>();
  const Shape shape = pool_shape(attributes, inputs[0].type.shape);
  std::vector<TensorType> types = {{inputs[0].type.data_type, shape}};
  if (attributes.opset >= 8) {
    check_index_type(attributes.index_element_type, "index_element_type");
    normalize_axis(attributes.axis, shape.size());
    types.push_back({attributes.index_element_type, shape});
  }
  return types;
}

template <class T>
void pool(const PoolAttributes& attributes, const Shape& shape, const std::vector<T>& values,
          std::span<const TensorView> outputs) {
  const bool floats = std::numeric_limits<T>::has_infinity;
  const T lowest = floats ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  std::vector<T> result;
  std::vector<std::int64_t> indices;
  const bool with_indices = outputs.size() > 1;
  const std::size_t modulus =
      with_indices ? count_between(shape, normalize_axis(attributes.axis, shape.size()), shape.size()) : 1;
  for_each_window(attributes, shape, [&](std::size_t plane, const WindowElements& window) {
    T best = lowest;
    std::size_t where = plane;
    bool first = true;
    window.visit([&](std::size_t offset) {
      if (const T value = values[plane + offset]; first || value > best) {
        best = value;
        where = plane + offset;
        first = false;
      }
    });
    result.push_back(best);
    indices.push_back(static_cast<std::int64_t>(where % modulus));
  });
  store(outputs[0], result);
  if (with_indices) {
    store(outputs[1], indices);
  }
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<PoolAttributes>();
  if (is_float(inputs[0].type.data_type)) {
    pool(attributes, inputs[0].shape(), to_doubles(inputs[0]), outputs);
  } else {
    pool(attributes, inputs[0].shape(), to_ints(inputs[0]), outputs);
  }
}

}  // namespace

extern const OpDef max_pool;
const OpDef max_pool{
    .name = "MaxPool",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/pooling/"
        "max-pool-8.html",
    .inputs = {1, 1},
    .openvino = {.type = "MaxPool", .versions = {1, 8, 14}},
    .attributes = attributes_of<PoolAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
