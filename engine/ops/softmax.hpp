// The attributes that Softmax and LogSoftmax share, for kernels and passes.
#pragma once

#include <cstdint>

namespace fovea::ops {

struct SoftmaxAttributes {
  std::int64_t axis = 1;  ///< Negative counts from the end.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
  }
  bool operator==(const SoftmaxAttributes&) const = default;
};

}  // namespace fovea::ops
