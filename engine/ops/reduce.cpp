#include "engine/ops/reduce.hpp"

#include <algorithm>

#include "engine/ops/movement.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

template <class T>
void run(const Shape& shape, const std::vector<std::size_t>& axes, const std::vector<T>& values,
         const TensorView& output, const Reduction<T>& reduction) {
  // Strides of the output over the input's axes: 0 along reduced ones.
  Shape kept = shape;
  std::int64_t count = 1;
  for (const std::size_t axis : axes) {
    count *= shape[axis];
    kept[axis] = 1;
  }
  Shape strides = row_major_strides(kept);
  for (const std::size_t axis : axes) {
    strides[axis] = 0;
  }
  std::vector<T> sums(element_count(output.shape()), reduction.initial);
  Shape index(shape.size(), 0);
  for (const T value : values) {
    T& sum = sums[static_cast<std::size_t>(flat_index(index, strides))];
    sum = reduction.step(sum, value);
    next_index(index, shape);
  }
  if (reduction.finish != nullptr) {
    for (T& sum : sums) {
      sum = reduction.finish(sum, count);
    }
  }
  store(output, sums);
}

}  // namespace

std::vector<TensorType> infer_reduce(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& shape = inputs[0].type.shape;
  const auto axes = normalize_axes(constant_ints(inputs[1], "axes"), shape.size());
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (std::ranges::find(axes, i) == axes.end()) {
      result.push_back(shape[i]);
    } else if (node.attrs<ReduceAttributes>().keep_dims) {
      result.push_back(1);
    }
  }
  return {{inputs[0].type.data_type, result}};
}

void reduce(std::span<const ConstTensorView> inputs, const TensorView& output, const Reduction<double>& real,
            const Reduction<std::int64_t>& integer) {
  const Shape& shape = inputs[0].shape();
  const auto axes = normalize_axes(to_ints(inputs[1]), shape.size());
  if (is_float(inputs[0].type.data_type)) {
    run(shape, axes, to_doubles(inputs[0]), output, real);
  } else {
    run(shape, axes, to_ints(inputs[0]), output, integer);
  }
}

}  // namespace fovea::ops
