// What reductions share: axes from the second input, keep_dims, one pass over the input with an accumulator per output.
#pragma once

#include <cstdint>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

struct ReduceAttributes {
  bool keep_dims = false;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("keep_dims", keep_dims);
  }
  bool operator==(const ReduceAttributes&) const = default;
};

std::vector<TensorType> infer_reduce(const Node& node, std::span<const InputInfo> inputs);

/// Formulas of a reduction over values of type T. `finish` gets the number of reduced elements and may be nullptr.
template <class T>
struct Reduction {
  T initial{};
  T (*step)(T sum, T value) = nullptr;
  T (*finish)(T sum, std::int64_t count) = nullptr;
};

/// Reduces floats with `real`, everything else exactly with `integer`.
void reduce(std::span<const ConstTensorView> inputs, const TensorView& output, const Reduction<double>& real,
            const Reduction<std::int64_t>& integer);

}  // namespace fovea::ops
