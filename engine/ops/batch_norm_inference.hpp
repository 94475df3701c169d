// The attributes of BatchNormInference and the places of its inputs, for kernels and passes.
#pragma once

#include <cstddef>

namespace fovea::ops {

struct BatchNormAttributes {
  double epsilon = 1e-5;
  int opset = 5;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("epsilon/eps", epsilon);
  }
  bool operator==(const BatchNormAttributes&) const = default;
};

/// Mean and variance are inputs 3 and 4 in every opset.
struct BatchNormInputs {
  std::size_t data = 0;
  std::size_t gamma = 1;
  std::size_t beta = 2;
};

inline BatchNormInputs batch_norm_inputs(const BatchNormAttributes& attributes) {
  return attributes.opset >= 5 ? BatchNormInputs{} : BatchNormInputs{.data = 2, .gamma = 0, .beta = 1};
}

}  // namespace fovea::ops
