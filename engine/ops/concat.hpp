// The attributes of Concat, for kernels and passes.
#pragma once

#include <cstdint>

namespace fovea::ops {

struct ConcatAttributes {
  std::int64_t axis = 0;  ///< Negative counts from the end.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
  }
  bool operator==(const ConcatAttributes&) const = default;
};

}  // namespace fovea::ops
